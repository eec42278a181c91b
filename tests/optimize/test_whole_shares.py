"""The way back from floating-point solvers to integers: shares on their grid, and the time and bound on the way."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from gpufleet.optimize.backends import scaled_rows, small_moves
from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
from gpufleet.optimize.formulation.linear_model import CUT, LinearModel

if TYPE_CHECKING:
    from gpufleet.optimize.monitor import Monitor

STEPS = 10_080
LIMITS = SolverLimits(10.0)


def _full(random: Random, classes: int, options: int) -> tuple[LinearModel, list[float]]:
    """Shares alone, 1e-4 of every option's room free at one known fit; and shares near it that are not whole."""
    model, fit = LinearModel(), list[int]()
    index = [[model.add_variable(f"x_{c}_{k}", 0, STEPS) for k in range(options)] for c in range(classes)]
    for _ in range(classes):
        ends = sorted(random.sample(range(1, STEPS), options - 1))
        fit += [b - a for a, b in zip([0, *ends], [*ends, STEPS], strict=True)]
    for own in index:
        model.add_row("routing", f"class_{own[0]}", [(i, 1) for i in own], STEPS, STEPS)
    for k in range(options):
        terms = [(own[k], random.randrange(1_000, 9_000)) for own in index]
        used = sum(load * fit[i] for i, load in terms)
        model.add_row("routing", f"room_{k}", terms, upper=used + used // 10_000)
    near = [float(value) for value in fit]
    for own in index:
        for _ in range(3):
            a, b = random.sample(own, 2)
            moved = min(near[a], 4 * random.random())
            near[a] -= moved
            near[b] += moved
    return model, near


def test_small_moves_fit_full_options() -> None:
    """Shares near a fit overload options when they are rounded; moves repair that, exactly."""
    overloaded = 0
    for seed in range(10):
        model, near = _full(Random(seed), classes=12, options=8)
        fit = small_moves._fit(model)
        assert fit is not None
        rounded = small_moves._whole(fit, near)
        assert rounded.sum(axis=1).tolist() == [STEPS] * 12
        overloaded += bool((fit.load * rounded).sum(axis=0).max() > 1)
        values = small_moves.fitted(model, near)
        assert values is not None, seed
        assert not model.violated(values)
    assert overloaded > 5, "rounding alone must not be enough, or this test says nothing"


def test_without_room_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes, half the room that they need."""
    monkeypatch.setattr(small_moves, "STEPS", 10_000)
    model = LinearModel()
    shares = [model.add_variable(name, 0, STEPS) for name in "ab"]
    for share in shares:
        model.add_row("routing", f"class_{share}", [(share, 1)], STEPS, STEPS)
    model.add_row("routing", "room", [(share, 5) for share in shares], upper=5 * STEPS)
    assert small_moves.fitted(model, [float(STEPS)] * 2) is None


@pytest.mark.parametrize(
    ("terms", "lower", "upper"),
    [
        ([(0, 1), (1, 1)], 5, None),
        ([(0, 1), (1, -1)], None, 5),
        ([(0, 2), (1, 2)], None, 50_000),
        ([(0, 1), (1, 1)], STEPS, STEPS),
    ],
    ids=["at least", "difference", "a second room", "a second class"],
)
def test_other_rows_are_left_to_the_solver(terms: list[tuple[int, int]], lower: int | None, upper: int | None) -> None:
    """Small moves know classes and rooms, one of each for a share; the same without the row is solved."""
    model = LinearModel()
    shares = [model.add_variable(name, 0, STEPS) for name in "ab"]
    model.add_row("routing", "class", [(share, 1) for share in shares], STEPS, STEPS)
    for share in shares:
        model.add_row("routing", f"room_{share}", [(share, 1)], upper=STEPS)
    half = [STEPS / 2] * 2
    assert small_moves.fitted(model, half) == [STEPS // 2] * 2
    model.add_row("other", "row", terms, lower, upper)
    assert small_moves.fitted(model, half) is None


def test_cuts_are_not_in_the_way() -> None:
    """A cut is kept by whole counts anyway, so that it takes no part in fitting shares."""
    model = LinearModel()
    count = model.add_variable("n", 0, 3)
    shares = [model.add_variable(name, 0, STEPS, "share") for name in "ab"]
    model.add_row("routing", "class", [(share, 1) for share in shares], STEPS, STEPS)
    model.add_row("routing", "room", [*((share, 2) for share in shares), (count, -STEPS)], upper=0)
    model.add_row(CUT, "cut_0", [*((share, 1) for share in shares), (count, -STEPS // 2)], upper=0)
    floats = [2.0, STEPS / 2 + 0.4, STEPS / 2 - 0.4]
    rest = scaled_rows._with_counts_fixed(model, [2, 0, 0], shares)
    assert rest is not None
    assert [row.name for row in rest.rows] == ["class", "room"]
    values = scaled_rows.return_to_grid(model, floats, CpSat(), LIMITS)
    assert values is not None
    assert not model.violated(values)


class _Asked(CpSat):
    """Remembers how long it was given, and proves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        self.seconds.append(limits.seconds)
        found = super().solve(model, limits, hint, monitor)
        return BackendResult("feasible", found.values, found.objective, 0)


def test_the_way_back_keeps_to_the_time_and_the_bound() -> None:
    """A count that only looked whole: the exact solver has what is left, a tenth at least, and the bound stays."""
    for used_s, least, most in ((0.0, 9.0, 10.0), (7.0, 2.0, 3.0), (60.0, 1.0, 1.0)):
        model = LinearModel()
        model.objective = {model.add_variable("n", 0, 9): 10}
        model.add_row("demand", "row", [(0, 2)], lower=5)
        asked = _Asked()
        found = scaled_rows.finish(model, [2.5 - 1e-9], False, 25, asked, LIMITS, time.monotonic() - used_s)
        assert (found.objective, found.bound, found.outcome) == (30, 25, "feasible")
        assert least <= asked.seconds[0] <= most
