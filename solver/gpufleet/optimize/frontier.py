"""The complete staircase between an amount that is spent (money, energy, vendors) and goals in order of importance.

A point is nondominated if no plan with as much on the axis has better goals, and none with as good goals has less on
the axis. Goals g_1, g_2, ... are minimised in this order, so points form a chain. From one point the next is found by
two kinds of question to the same integer program:

min axis   so that (g_1, g_2, ...) is better than (v_1, v_2, ...)   what the next improvement takes
min g_1, then g_2, ...   so that axis <= what it takes              all that it brings

"Better" means that some g_j falls by its step (to 0 at most) while no earlier goal rises:

g_j <= v_j - drop_j z_j + (most_j - v_j) sum_{i < j} z_i     for every j;     sum_j z_j = 1

With steps of 1 every point is found. With larger ones each point found is still exact, and points between two of them
improve some goal by less than its step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpufleet.optimize.choice import Approach, answer
from gpufleet.optimize.formulation.linear_model import LinearModel, Row, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "frontier"


@dataclass(frozen=True)
class Goal:
    """A linear expression to be made small."""

    name: str
    coefficients: Mapping[int, int]
    """By variable."""
    step: int = 1
    """Improvements by less are not looked for."""


@dataclass(frozen=True)
class Point:
    """A nondominated point, with what was proven of it."""

    axis: int
    goals: tuple[int, ...]
    values: list[int] = field(repr=False)
    """Of the model's variables."""
    axis_bound: int
    """Proven: with less on the axis, no goal is better (by its step) than at the point before; for the first point:
    with less, the goals cannot be as good."""
    goal_bounds: tuple[int, ...]
    """Proven: with as much on the axis, goals are at least this, each as long as those before it are as they are."""

    @property
    def proven(self) -> bool:
        """Is it exact?"""
        return self.axis == self.axis_bound and self.goals == self.goal_bounds

    def of(self, other: Staircase, values: list[int]) -> Point:
        """The same point by values of another program, which is at least as tight and reaches it."""
        goals = tuple(other.model.value(goal.coefficients, values) for goal in other.goals)
        return replace(self, values=values, axis=other.model.value(other.axis, values), goals=goals)


class Staircase:
    """The points of one integer program, whose objective is left aside."""

    def __init__(
        self,
        problem: Problem,
        model: LinearModel,
        axis: Mapping[int, int],
        goals: Sequence[Goal],
        limits: SolverLimits,
        approach: Approach | None = None,
        *,
        few: bool = False,
        variables: FleetVariables | None = None,
    ) -> None:
        """`few`: the one goal has few values; `variables`: those of a program whose axis is the cost of its problem."""
        self.problem, self.model, self.axis, self.goals = problem, model, dict(axis), tuple(goals)
        self.limits, self.approach, self.few = limits, approach or Approach(), few
        self.variables = variables
        self.solves = 0
        """Integer programs solved so far."""
        self.settled = True
        """Where the last question had no answer: is it proven that there is none?"""
        self._most = [_largest(model, goal.coefficients) for goal in self.goals]

    def best(self, cap: int | None, axis_bound: int = 0, hint: list[int] | None = None) -> Point | None:
        """The best goals that the axis allows, and the least on the axis that reaches them; None where there is no plan
        (or none was found: see `settled`).

        `axis_bound` is a proven lower bound on the axis for such goals, if one is known.
        """
        rows = [] if cap is None else [_row("axis", self.axis, upper=cap)]
        bounds: list[int] = []
        values = hint
        for number, goal in enumerate(self.goals):
            result = self._solve(goal.coefficients, rows, values)
            values = result.values or values
            if values is None:
                return None
            least = self.model.value(goal.coefficients, values)
            bounds.append(min(result.bound or 0, least))
            rows.append(_row(f"goal_{number}", goal.coefficients, upper=least))
        if values is None or axis_bound != cap:
            result = self._solve(self.axis, [*rows, _row("floor", self.axis, lower=axis_bound)], values)
            values = result.values or values
            if values is None:
                return None
            axis_bound = max(axis_bound, result.bound or 0)
        reached = tuple(self.model.value(goal.coefficients, values) for goal in self.goals)
        spent = self.model.value(self.axis, values)
        return Point(spent, reached, values, min(axis_bound, spent), tuple(bounds))

    def best_axis(self) -> Point | None:
        """The least on the axis of all plans, and the best goals for it."""
        result = self._solve(self.axis, [], None)
        if result.values is None:
            return None
        return self.best(self.model.value(self.axis, result.values), result.bound or 0, result.values)

    def after(self, point: Point, below: int | None = None) -> Point | None:
        """The next point, which is better in some goal by its step; None where nothing is, at any price below one.

        `settled` says whether None is a proof.
        """
        found = self.cheapest_better(point, below)
        return None if found is None else self.best(found.axis, found.axis_bound, found.values)

    def steps(self, first: Point, below: int | None = None) -> Iterator[Point]:
        """The points after `first`, with less than `below` on the axis."""
        if self.few and len(self.goals) == 1:
            yield from self._steps_of_one(first, below)
            return
        point = self.after(first, below)
        while point is not None:
            yield point
            point = self.after(point, below)

    def _steps_of_one(self, point: Point, below: int | None) -> Iterator[Point]:
        """Where the one goal has few values, one question a point is enough: what is best at a price shows when the
        next step costs more. With many, plans of one price would come one by one."""
        goal, pending = self.goals[0], None
        while True:
            later = self.cheapest_better(point, below)
            if pending is not None and (later is None or later.axis > pending.axis):
                ended = later is None and self.settled and (below is None or pending.axis < below)
                if ended or (later is not None and later.axis_bound > pending.axis) or not any(pending.goals):
                    pending = replace(pending, goal_bounds=pending.goals)
                yield pending
            if later is None:
                return
            reached = self.model.value(goal.coefficients, later.values)
            point = pending = replace(later, goals=(reached,), goal_bounds=(0,))

    def cheapest_better(self, point: Point, below: int | None) -> Point | None:
        """The least on the axis that is better than a point, whatever else it could bring."""
        if not any(point.goals):
            self.settled = True
            return None
        rows, switches = self._better(point.goals)
        least = point.axis + 1 if point.goals == point.goal_bounds else point.axis_bound
        rows.append(_row("floor", self.axis, lower=least, upper=None if below is None else below - 1))
        result = self._solve(self.axis, rows, None, switches)
        if result.values is None:
            return None
        values = result.values[: len(self.model.variables)]
        spent = self.model.value(self.axis, values)
        return Point(spent, point.goals, values, min(max(least, result.bound or 0), spent), (0,) * len(self.goals))

    def reaches(self, point: Point) -> list[int] | None:
        """Values of this program that are as good as a point of another one, with as much on the axis; None: none."""
        rows = [_row("axis", self.axis, upper=point.axis)]
        rows += [
            _row(f"goal_{number}", goal.coefficients, upper=value)
            for number, (goal, value) in enumerate(zip(self.goals, point.goals, strict=True))
        ]
        return self._solve({}, rows, None).values

    def at(self, point: Point) -> LinearModel:
        """The program of the plans that are as good as a point, for choosing between them."""
        rows = [_row("axis", self.axis, upper=point.axis)]
        rows += [
            _row(f"goal_{number}", goal.coefficients, upper=value)
            for number, (goal, value) in enumerate(zip(self.goals, point.goals, strict=True))
        ]
        return LinearModel(list(self.model.variables), [*self.model.rows, *rows], dict(self.model.objective))

    def _better(self, goals: Sequence[int]) -> tuple[list[Row], list[Variable]]:
        """Rows and switches that say "better than these"; goals that are 0 already can only be held."""
        drops = [min(goal.step, value) for goal, value in zip(self.goals, goals, strict=True)]
        open_ = [j for j, drop in enumerate(drops) if drop]
        if len(open_) == 1 and open_[0] == len(goals) - 1:
            # only the last one can improve: no switch is needed
            caps = [value - drop for value, drop in zip(goals, drops, strict=True)]
            named = enumerate(zip(self.goals, caps, strict=True))
            return [_row(f"goal_{j}", goal.coefficients, upper=cap) for j, (goal, cap) in named], []
        start = len(self.model.variables)
        switch = {j: start + position for position, j in enumerate(open_)}
        variables = [Variable(index, f"better_{j}", 0, 1, "count") for j, index in switch.items()]
        rows = [Row(FAMILY, "one", tuple((index, 1) for index in switch.values()), 1, 1)]
        for j, (goal, value) in enumerate(zip(self.goals, goals, strict=True)):
            terms = list(goal.coefficients.items())
            terms += [(switch[i], value - self._most[j]) for i in open_ if i < j and self._most[j] > value]
            terms += [(switch[j], drops[j])] if j in switch else []
            rows.append(Row(FAMILY, f"goal_{j}", tuple(terms), None, value))
        return rows, variables

    def _solve(
        self,
        objective: Mapping[int, int],
        rows: Sequence[Row],
        hint: list[int] | None,
        switches: Sequence[Variable] = (),
    ) -> BackendResult:
        variables = [*self.model.variables, *switches]
        asked = LinearModel(variables, [*self.model.rows, *rows], dict(objective))
        limits = replace(self.limits, relative_gap=0.0)
        self.solves += 1
        plain = not rows and not switches and dict(objective) == self.axis
        known = self.variables if plain else None
        result = answer(self.problem, asked, known, limits, self.approach, hint, None).result
        self.settled = result.outcome == "infeasible"
        return result


def _row(name: str, terms: Mapping[int, int], lower: int | None = None, upper: int | None = None) -> Row:
    return Row(FAMILY, name, tuple((index, value) for index, value in terms.items() if value), lower, upper)


def _largest(model: LinearModel, coefficients: Mapping[int, int]) -> int:
    """The most that an expression without negative coefficients can be."""
    return sum(value * model.variables[index].upper for index, value in coefficients.items())
