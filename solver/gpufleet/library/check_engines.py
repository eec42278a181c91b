"""Engines that workloads name: the calibration knows them, and measurements of the workload's models are of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.wording import show
from gpufleet.schema.workloads import LLMServing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.library.findings import Findings
    from gpufleet.schema.calibration import Calibration
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.measurements import Profiles


def check_engines(instance: Instance, calibration: Calibration, profiles: Profiles, findings: Findings) -> None:
    """Note engines without figures, and rows measured with another engine than the one asked for."""
    for number, workload in enumerate(instance.workloads):
        if isinstance(workload, LLMServing) and workload.engine is not None:
            loc = ("workloads", number, "engine")
            if not any(_is(workload.engine, known) for known in calibration.engines):
                findings.add(loc, _unknown(workload.engine, calibration.name, calibration.engines))
            others = _others(workload, profiles)
            if others:
                message = (
                    f"{show(workload.engine)}, but {_models(workload)} was measured with {', '.join(others)}; name one "
                    "engine, or remove the rows of the others"
                )
                findings.add(loc, message)


def _is(engine: str, known: str) -> bool:
    """Does an engine take the figures of a known one: `vLLM 0.10.1` those of `vLLM 0.10.1`, `vLLM 0` and `vLLM`?"""
    return known in (engine, engine.split(".")[0]) or engine.startswith(f"{known} ")


def _unknown(engine: str, calibration: str, known: Sequence[str]) -> str:
    if not known:
        return f"the calibration {calibration} has no figures of single engines; leave engine out"
    message = f"the calibration {calibration} has no figures of {show(engine)}, but of {', '.join(known)}"
    return f"{message}; name one of them, or leave engine out for the general figures"


def _others(workload: LLMServing, profiles: Profiles) -> list[str]:
    """Engines of the measured rows of the workload's models that are not the one asked for."""
    asked = workload.engine or ""
    rows = (point.row for point in profiles.points)
    engines = {row.engine for row in rows if row.kind == workload.kind and row.model in workload.models}
    return sorted(name for name in engines if name != asked and not name.startswith((f"{asked} ", f"{asked}.")))


def _models(workload: LLMServing) -> str:
    return " or ".join(workload.models)
