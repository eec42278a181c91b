"""Measures: do they name workloads, accelerators and variants that exist, and are they few enough to combine?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.services import names_from_resolve_on, note_unknown_workload
from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.instance import Instance, Measure
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import Workload

MOST_PER_WORKLOAD: Final = 6
"""Every subset of a workload's measures is looked at, so there are 64 at most."""


def check_measures(instance: Instance, models: Mapping[str, ModelCard], shelf: Shelf, findings: Findings) -> None:
    """Note unknown names in measures, and workloads with too many of them."""
    names = names_from_resolve_on(instance)
    for number, measure in enumerate(instance.measures):
        for place, name in enumerate(measure.workloads):
            note_unknown_workload(("measures", number, "workloads", place), name, instance, findings)
        for place, name in enumerate(measure.accelerators or ()):
            if shelf.accelerator(name) is None:
                known = shelf.accelerator_names
                findings.unknown(("measures", number, "accelerators", place), "accelerator", name, known, IN_LIBRARY)
        concerned = [workload for workload in instance.workloads if names[workload.name] in measure.workloads]
        _check_unlocks(number, measure, concerned, models, findings)
    for number, workload in enumerate(instance.workloads):
        count = sum(names[workload.name] in measure.workloads for measure in instance.measures)
        if count > MOST_PER_WORKLOAD:
            message = f"{count} measures concern {workload.name}, at most {MOST_PER_WORKLOAD} can be; drop some"
            findings.add(("workloads", number, "name"), message)


def _check_unlocks(
    number: int,
    measure: Measure,
    concerned: Sequence[Workload],
    models: Mapping[str, ModelCard],
    findings: Findings,
) -> None:
    known = sorted({variant for workload in concerned for variant in _variants(workload, models)})
    for place, name in enumerate(measure.unlocks):
        if name not in known:
            why = "none of its workloads has one of that name"
            findings.unknown(("measures", number, "unlocks", place), "variant", name, known, why)


def _variants(workload: Workload, models: Mapping[str, ModelCard]) -> list[str]:
    if isinstance(workload, Profiled):
        return [option.name for option in workload.options]
    names = (workload.model, *(() if isinstance(workload, Training) else workload.alternatives))
    return [variant.name for name in names if name in models for variant in models[name].variants]
