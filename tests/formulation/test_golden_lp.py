"""Every constraint family as text: what the solver is asked, compared with what was read and agreed."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import pytest
from families import FAMILIES, GOLDEN, write
from hand_cases import HAND_CASES

from gpufleet.optimize import formulation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_the_golden_ones(family: str, tmp_path: Path) -> None:
    path = tmp_path / f"{family}.lp"
    write(family, path)
    golden = GOLDEN / f"{family}.lp"
    assert path.read_text() == golden.read_text(), "if this is wanted: python tests/formulation/families.py"


def families_of_the_package() -> set[str]:
    names = {"cost"}
    for module in pkgutil.iter_modules(formulation.__path__, f"{formulation.__name__}."):
        loaded = importlib.import_module(module.name)
        names |= {*getattr(loaded, "FAMILIES", ())}
        names |= {loaded.FAMILY} if hasattr(loaded, "FAMILY") else set()
    return names


def test_every_family_has_a_golden_file_and_nothing_else_has() -> None:
    families = families_of_the_package()
    assert families >= {"demand", "routing", "pools"}
    assert {path.stem for path in GOLDEN.glob("*.lp")} == families
    assert set(FAMILIES) == families


def test_every_family_has_a_feasible_and_an_infeasible_hand_case() -> None:
    families = families_of_the_package() - {"cost"}
    ends = {(case.family, case.usd is not None) for case in HAND_CASES}
    assert ends == {(family, feasible) for family in families for feasible in (True, False)}
