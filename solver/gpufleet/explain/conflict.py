"""A smallest set of requirements that cannot hold together.

A set of requirements is feasible when there is a plan that respects it, whatever the other requirements say. Taking a
requirement away never makes a feasible set infeasible. So bisection (QuickXplain, Junker 2004) finds an irreducible
infeasible set. It is a smallest one if no set of fewer requirements hits all corrections found, where a correction is a
set of requirements whose removal leaves a plan: every infeasible set contains one of each (implicit hitting sets,
Ignatiev et al. 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.edits.requirement import without_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpufleet.edits.requirement import Requirement
    from gpufleet.explain.oracle import Oracle
    from gpufleet.schema.resolved import ResolvedInstance

Members = frozenset[int]
MOST_ROUNDS = 40
"""Corrections that are looked for before the set found stands, without a proof that none is smaller."""


@dataclass(frozen=True)
class Conflict:
    """Requirements that cannot hold together."""

    requirements: tuple[Requirement, ...]
    irreducible: bool
    """Proven: there is no plan for all of them, and without any one of them there is a plan for the others."""
    smallest: bool
    """Proven: no infeasible set has fewer requirements."""


class Sets:
    """Which sets of requirements of an instance leave a plan."""

    def __init__(self, resolved: ResolvedInstance, known: Sequence[Requirement], oracle: Oracle) -> None:
        self.resolved, self.known, self.oracle = resolved, known, oracle
        self.everything: Members = frozenset(range(len(known)))
        self._feasible: list[Members] = []
        self._infeasible: list[Members] = []

    def holds(self, kept: Iterable[int]) -> bool | None:
        """Is there a plan that respects these? What follows from earlier answers is not asked again."""
        asked = frozenset(kept)
        if any(asked <= other for other in self._feasible):
            return True
        if any(asked >= other for other in self._infeasible):
            return False
        return self.ask(asked)

    def ask(self, kept: Members) -> bool | None:
        """The same, by a solve in any case."""
        lifted = (self.known[index] for index in sorted(self.everything - kept))
        found = self.oracle.has_plan(without_all(self.resolved, lifted))
        if found is not None:
            (self._feasible if found else self._infeasible).append(kept)
        return found

    def irreducible(self, universe: Members) -> Members | None:
        """An infeasible subset of an infeasible set none of whose members can go; None where time ran out."""
        found = self._explain(frozenset(), new=False, among=sorted(universe))
        return None if self.holds(found) is not False else found

    def _explain(self, background: Members, *, new: bool, among: Sequence[int]) -> Members:
        """Members of `among` that are infeasible together with the background; QuickXplain."""
        if new and self.holds(background) is False:
            return frozenset()
        if len(among) == 1:
            return frozenset(among)
        middle = len(among) // 2
        first, second = among[:middle], among[middle:]
        late = self._explain(background | frozenset(first), new=True, among=second)
        early = self._explain(background | late, new=bool(late), among=first)
        return late | early

    def grown(self, kept: Members, others: Iterable[int]) -> Members:
        """A feasible set with as many of the others as it takes until no further one fits."""
        return self._grown(kept, sorted(others))

    def _grown(self, kept: Members, others: Sequence[int]) -> Members:
        if not others or self.holds(kept | frozenset(others)):
            return kept | frozenset(others)
        if len(others) == 1:
            return kept
        middle = len(others) // 2
        return self._grown(self._grown(kept, others[:middle]), others[middle:])


def find_conflict(sets: Sets, universe: Members | None = None) -> Conflict | None:
    """A smallest infeasible set of requirements of an infeasible instance; None where time ran out before any set was
    proven infeasible.

    `universe` limits the search to requirements that are infeasible by themselves.
    """
    among = sets.everything if universe is None else universe
    found = sets.irreducible(among)
    if found is None:
        if sets.holds(among) is not False:
            return None
        return Conflict(tuple(sets.known[index] for index in sorted(among)), irreducible=False, smallest=False)
    smallest, found = _smallest(sets, found, among)
    proven = sets.ask(found) is False and all(sets.ask(found - {index}) for index in sorted(found))
    smallest = smallest and proven and among == sets.everything
    return Conflict(tuple(sets.known[index] for index in sorted(found)), proven, smallest)


def _smallest(sets: Sets, found: Members, among: Members) -> tuple[bool, Members]:
    """Whether it is proven that no infeasible set is smaller, and the smallest that was found."""
    corrections = [frozenset((index,)) for index in sorted(found) if sets.holds(among - {index})]
    for _ in range(MOST_ROUNDS):
        hit = _least_hitting(sets, corrections, sorted(among))
        if len(hit) >= len(found):
            return True, found
        holds = sets.holds(hit)
        if holds is None or not sets.oracle.left_s:
            return False, found
        if not holds:
            return True, hit
        corrections.append(among - sets.grown(hit, among - hit))
    return False, found


def _least_hitting(sets: Sets, corrections: Sequence[Members], among: Sequence[int]) -> Members:
    """A smallest set with a member of each; of several, one of facts that were written rather than defaults."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    if not corrections:
        return frozenset()
    places = {index: place for place, index in enumerate(among)}
    rows = np.zeros((len(corrections), len(among)))
    for row, correction in enumerate(corrections):
        rows[row, [places[index] for index in correction]] = 1.0
    whims = np.array([1.0 + 1e-4 * (sets.known[index].kind == "utilisation") for index in among])
    result = milp(
        whims,
        integrality=np.ones(len(among), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, lb=1.0),
    )
    assert result.x is not None, "taking all of them always hits"
    taken = result.x > 0.5
    return frozenset(index for index, place in places.items() if taken[place])


def correction(sets: Sets, found: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """The smallest set found of several requirements whose removal together leaves a plan; empty where there is none,
    or time ran out.

    One is sought from every member of a conflict that does not help alone: the others of the conflict stay, and as much
    of the rest as fits.
    """
    members = [sets.known.index(requirement) for requirement in found]
    best: Members | None = None
    for index in members:
        start = frozenset(members) - {index}
        if not sets.holds(sets.everything - {index}) and sets.holds(start):
            lifted = sets.everything - sets.grown(start, sets.everything - start)
            best = lifted if best is None or len(lifted) < len(best) else best
    if best is None or not sets.oracle.left_s:
        return ()
    return tuple(sets.known[index] for index in sorted(best))
