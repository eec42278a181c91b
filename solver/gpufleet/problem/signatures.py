"""What is asked of the parts that a fleet is made of, in the instance's names, and as indices of the integer program.

A part is a set of offers, e.g. all that rent one accelerator by the hour. The signature of a fleet is the set of parts
of which it takes at least one node; offers in no part do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.problem.data import FoundFleet, Signatures
from gpufleet.problem.scaling import check_int64

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpufleet.problem.data import Problem


@dataclass(frozen=True)
class KnownFleet:
    """A fleet to which others are sought."""

    parts: frozenset[str]
    """Its signature."""
    cost: int
    """Its cost over the horizon, measures included, micro-USD."""


@dataclass(frozen=True)
class PartRules:
    """What is asked of the parts of a fleet."""

    parts: Mapping[str, tuple[str, ...]]
    """Name of the part to the names of its offers; no offer is in two parts."""
    other_than: tuple[KnownFleet, ...] = ()
    """The fleet must have another signature than each of these, and where it has all parts of one of them and more,
    the further ones must save something on the rest: else it would be that fleet with needless nodes added."""
    required: tuple[str, ...] = ()
    """Parts of which it must take at least one node."""
    forbidden: tuple[str, ...] = ()
    """Parts of which it must not take any."""


def with_part_rules(problem: Problem, rules: PartRules) -> Problem:
    """The problem with what is asked of the parts.

    Raises Int64OverflowError where the costs of known fleets leave the range of the solvers.
    """
    position = {name: i for i, name in enumerate(rules.parts)}

    def indices(names: Iterable[str]) -> tuple[int, ...]:
        return tuple(sorted(position[name] for name in names))

    parts = tuple(
        tuple(f for f, offer in enumerate(problem.offers) if offer.name in names) for names in rules.parts.values()
    )
    found = tuple(FoundFleet(indices(fleet.parts), fleet.cost) for fleet in rules.other_than)
    total = sum(offer.cost * offer.most for offer in problem.offers) + sum(m.cost for m in problem.measures)
    check_int64([total] * (2 + max((len(fleet.parts) for fleet in found), default=0)), "the total cost in micro-USD")
    asked = Signatures(parts, found, indices(rules.required), indices(rules.forbidden))
    return replace(problem, signatures=asked)
