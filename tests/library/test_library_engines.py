"""Engines that workloads name: known to the calibration, and the one that was measured; and they change the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import edited, instance, offer
from gpufleet import solve
from gpufleet.errors import InputError
from gpufleet.library import Library, resolve
from gpufleet.library.calibrations import write_calibration
from gpufleet.schema.calibration import Figure
from measured import LM, chat

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet import ResolvedInstance


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A folder whose calibration knows one engine and one version, both with 6 GB less to use than others."""
    bundled = Library(()).calibration
    own = [
        Figure(parameter="usable_memory", engine=name, value=value, source="test")
        for name, value in (("Slim", 0.5), ("Slim 2.1", 0.3))
    ]
    (tmp_path / "calibration").mkdir()
    plain = tuple(figure for figure in bundled.figures if figure.engine is None)
    known = edited(bundled, name="own", figures=(*plain, *own))
    write_calibration(known, tmp_path / "calibration" / "bundled.yaml")
    return Library((tmp_path,))


def asked(library: Library, engine: str | None) -> ResolvedInstance:
    return resolve(instance([chat(engine=engine)], [offer()], models=(LM,)), library)  # type: ignore[list-item]


def test_the_figures_of_the_engine_count(library: Library) -> None:
    """The most specific figure: of the version, of the engine, of all."""
    plans = {name: solve(asked(library, name)).deployments[0] for name in (None, "Slim", "Slim 2.0", "Slim 2.1")}
    limits = {name: entry.memory_limit_gb for name, entry in plans.items()}
    assert limits["Slim"] == limits["Slim 2.0"] == pytest.approx(5.0)
    assert limits["Slim 2.1"] == pytest.approx(3.0)
    assert limits[None] is not None
    assert limits[None] > 8.0
    assert plans["Slim 2.0"].evidence == "performance model, calibration own (Slim 2.0)"
    assert asked(library, "Slim").digest != asked(library, None).digest


@pytest.mark.parametrize("name", ["Slimmer", "slim", "Fast 1.0"])
def test_an_unknown_engine_is_refused(library: Library, name: str) -> None:
    with pytest.raises(InputError) as caught:
        asked(library, name)
    message = f"workloads[0].engine: the calibration own has no figures of '{name}', but of Slim, Slim 2.1; name one"
    assert message in str(caught.value)
