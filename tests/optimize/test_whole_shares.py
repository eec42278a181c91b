"""The way back from floating-point solvers to integers: shares on their grid, and the time and bound on the way."""

from __future__ import annotations

import math
import time
from random import Random

import numpy as np
import pytest

from gpufleet.optimize.backends import scaled_rows, small_moves
from gpufleet.optimize.backends.cpsat import CpSat
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
from gpufleet.optimize.backends.mathopt_highs import MathOptHighs
from gpufleet.optimize.formulation.linear_model import CUT, LinearModel
from gpufleet.optimize.monitor import Monitor, Progress

STEPS = 10_080
LIMITS = SolverLimits(10.0)


def _full(random: Random, classes: int, options: int) -> LinearModel:
    """Shares alone, 1e-4 of every option's room free at one known fit; no option takes less of a class than another."""
    model, fit = LinearModel(), list[int]()
    loads = [random.randrange(1_000, 9_000) for _ in range(classes)]
    index = [[model.add_variable(f"x_{c}_{k}", 0, STEPS) for k in range(options)] for c in range(classes)]
    for _ in range(classes):
        ends = sorted(random.sample(range(1, STEPS), options - 1))
        fit += [b - a for a, b in zip([0, *ends], [*ends, STEPS], strict=True)]
    for own in index:
        model.add_row("routing", f"class_{own[0]}", [(i, 1) for i in own], STEPS, STEPS)
    for k in range(options):
        terms = [(own[k], load) for own, load in zip(index, loads, strict=True)]
        used = sum(load * fit[i] for i, load in terms)
        model.add_row("routing", f"room_{k}", terms, upper=used + used // 10_000)
    return model


def test_small_moves_fit_full_options() -> None:
    """What is found fits in whole numbers."""
    for seed in range(10):
        model = _full(Random(seed), classes=12, options=8)
        values = small_moves.fitted(model)
        assert values is not None, seed
        assert not model.violated(values)


def test_small_moves_repair_what_rounding_overloads() -> None:
    """Steps astray overload options; annealing repairs them, and no class gains or loses any."""
    repaired = 0
    for seed in range(10):
        model = _full(Random(seed), classes=12, options=8)
        fit = small_moves._fit(model)
        assert fit is not None
        shares = small_moves._roomy(fit)
        assert shares is not None
        assert shares.sum(axis=1).tolist() == [STEPS] * 12
        dice = Random(seed)
        for own in shares:  # some steps astray, as floating-point shares are where all options are full
            a, b = dice.sample(range(8), 2)
            moved = min(int(own[a]), dice.randrange(40))
            own[a] -= moved
            own[b] += moved
        repaired += bool((fit.load * shares).sum(axis=0).max() > 1)
        assert small_moves._annealed(fit.load, shares, small_moves.STEPS, 0, np.array([1e-6, 1e-8])), seed
        assert shares.sum(axis=1).tolist() == [STEPS] * 12
        assert (shares >= 0).all()
        assert (fit.load * shares).sum(axis=0).max() <= 1
    assert repaired > 5, "if nothing is overloaded, this says nothing"


def test_without_room_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes, half the room that they need."""
    monkeypatch.setattr(small_moves, "STEPS", 10_000)
    model = LinearModel()
    shares = [model.add_variable(name, 0, STEPS) for name in "ab"]
    for share in shares:
        model.add_row("routing", f"class_{share}", [(share, 1)], STEPS, STEPS)
    model.add_row("routing", "room", [(share, 5) for share in shares], upper=5 * STEPS)
    assert small_moves.fitted(model) is None


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
    assert small_moves.fitted(model) is not None
    model.add_row("other", "row", terms, lower, upper)
    assert small_moves.fitted(model) is None


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
    for used_s, least, most in ((0.0, 9.0, 10.0), (7.0, 2.0, 3.0), (60.0, 0.9, 1.0)):
        model = LinearModel()
        model.objective = {model.add_variable("n", 0, 9): 10}
        model.add_row("demand", "row", [(0, 2)], lower=5)
        asked = _Asked()
        found = scaled_rows.finish(model, [2.5 - 1e-9], False, 25, asked, LIMITS, time.monotonic() - used_s)
        assert (found.objective, found.bound, found.outcome) == (30, 25, "feasible")
        assert least <= asked.seconds[-1] <= most
        assert len(asked.seconds) == (1 if used_s > LIMITS.seconds else 2), "the options in use, then all"


@pytest.mark.parametrize("time_left", [True, False])
def test_what_the_solver_used_comes_first(time_left: bool) -> None:
    """Counts that only looked whole: the options in use come first in the exact solver, all where those are not enough
    or time is left."""
    began = time.monotonic() - (0.0 if time_left else LIMITS.seconds)
    for used, only_used, on_all in (([1.5 - 1e-9, 0.0], 20, 11), ([0.0, 0.5 - 1e-9], 30, 30)):
        model = LinearModel()
        dear, cheap = model.add_variable("dear", 0, 9), model.add_variable("cheap", 0, 1)
        model.objective = {dear: 10, cheap: 1}
        model.add_row("demand", "row", [(dear, 2), (cheap, 1)], lower=3)
        if only_used == on_all:
            model.add_row("demand", "more", [(dear, 1)], lower=3)
        found = scaled_rows.finish(model, used, False, 0, CpSat(), LIMITS, began)
        assert found.values is not None
        assert not model.violated(found.values)
        assert found.objective == (on_all if time_left else only_used)


def _overfull() -> LinearModel:
    """Two of `large` are 5e-8 too small for all requests, which a floating-point solver does not see."""
    model = LinearModel()
    large, small = model.add_variable("large", 0, 9), model.add_variable("small", 0, 9)
    shares = [model.add_variable(name, 0, STEPS, "share") for name in ("at_large", "at_small")]
    model.objective = {large: 10, small: 6}
    model.add_row("routing", "class", [(share, 1) for share in shares], STEPS, STEPS)
    room = 10**10
    for share, count, part in zip(shares, (large, small), (room, room // 10), strict=True):
        model.add_row("routing", f"room_{count}", [(share, 2 * (room + 500) // STEPS + 1), (count, -part)], upper=0)
    return model


OVERFULL = [2.0, 0.0, float(STEPS), 0.0]


def test_fleets_too_full_are_sought_again_with_slack() -> None:
    """Of the options in use the floating-point solver is asked for a plan with slack, the exact one where it has none;
    a bound on those options alone is not passed on."""
    model, asked, heard = _overfull(), list[LinearModel](), list[Progress]()
    began = time.monotonic() - LIMITS.seconds

    def again(other: LinearModel, limits: SolverLimits, monitor: Monitor | None) -> list[float] | None:
        assert limits.seconds <= scaled_rows.FINISH_SHARE * LIMITS.seconds
        asked.append(other)
        return MathOptHighs()._floats(other, limits, monitor) if len(asked) == 1 else None

    for _ in range(2):
        monitor = Monitor(heard.append)
        found = scaled_rows.finish(model, OVERFULL, False, 20, CpSat(), LIMITS, began, monitor, again)
        assert found.values is not None
        assert not model.violated(found.values)
        assert (found.objective, found.bound) == (30, 20)
    (room,) = (row for row in asked[0].rows if row.name == "room_0")
    step, count = (value for _, value in sorted(room.terms, reverse=True))
    assert count == -(10**10) + math.ceil(step / 2), "two of `large` have room for one step less"
    assert [row.name for row in asked[0].rows] == ["class", "room_0"], "the option that is not in use is left out"
    assert not [progress for progress in heard if progress.bound]


def test_highs_ends_at_the_optimum_where_its_own_is_too_full() -> None:
    """Two of `large` only hold inside its tolerance; one of `small` beside them is the cheapest that holds."""
    model = _overfull()
    floats = MathOptHighs()._floats(model, LIMITS, None)
    assert floats is not None
    assert [round(value) for value in floats] == [round(value) for value in OVERFULL], "or this says nothing"
    found = MathOptHighs().solve(model, LIMITS)
    assert (found.objective, found.outcome) == (26, "optimal")
