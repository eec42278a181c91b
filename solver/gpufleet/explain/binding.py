"""Which requirements of a feasible instance cost money: without one of them the cheapest plan costs less.

Without several requirements a plan never costs more than without one of them. So a group without which the proven
cheapest plan costs the same holds no requirement that binds alone, and only groups that save something are split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.edits.requirement import without_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpufleet.edits.requirement import Requirement
    from gpufleet.explain.oracle import Oracle
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

NOT_PRICED = frozenset(("demand",))
"""All cost is there for the demand."""
GROUP_SHARE = 0.3
"""Of the time left, for a question about several requirements: its halves need time too."""
Worth = tuple[tuple[float, ...], float]
"""What stays unserved by priority, then the cost: smaller is better."""


@dataclass(frozen=True)
class Binding:
    """Requirements without which the cheapest plan costs less: one, or all of a kind where none of them binds alone."""

    requirements: tuple[Requirement, ...]
    plan: Plan
    """The cheapest plan without them."""
    price_usd: float | None
    """What they cost over the horizon, USD; None where without them less stays unserved, and costs do not compare."""
    proven: bool
    """Is that plan proven to be the cheapest? If not, they cost at least so much."""


@dataclass(frozen=True)
class Bindings:
    """The requirements that bind, the dearest first."""

    found: tuple[Binding, ...]
    together: tuple[Binding, ...]
    """Kinds of requirements of which none binds alone but all of them together do."""
    complete: bool
    """Proven: no other requirement binds alone."""


def find_bindings(resolved: ResolvedInstance, known: Sequence[Requirement], plan: Plan, oracle: Oracle) -> Bindings:
    """What every requirement that binds alone costs, from the proven cheapest plan."""
    search = _Search(resolved, plan, oracle)
    priced = [requirement for requirement in known if requirement.kind not in NOT_PRICED]
    found = list(search.among(priced))
    alone = {binding.requirements[0].kind for binding in found}
    kinds = [kind for kind in dict.fromkeys(requirement.kind for requirement in priced) if kind not in alone]
    groups = [[requirement for requirement in priced if requirement.kind == kind] for kind in kinds]
    together = [binding for group in groups if len(group) > 1 for binding in search.all_of(group)]
    return Bindings(tuple(sorted(found, key=_rank)), tuple(sorted(together, key=_rank)), search.complete)


def _rank(binding: Binding) -> tuple[bool, float]:
    return (binding.price_usd is not None, -(binding.price_usd or 0.0))


class _Search:
    def __init__(self, resolved: ResolvedInstance, plan: Plan, oracle: Oracle) -> None:
        self.resolved, self.plan, self.oracle = resolved, plan, oracle
        self.worth = worth_of(plan)
        self.complete = plan.status == "optimal"
        self._saves_nothing: list[Sequence[Requirement]] = []

    def all_of(self, group: Sequence[Requirement]) -> Iterator[Binding]:
        """The group as a whole, if it binds."""
        if any(all(member in free for member in group) for free in self._saves_nothing):
            return
        plan = self.oracle.plan(without_all(self.resolved, group))
        if plan is None:
            self.complete = False
        elif worth_of(plan) < self.worth:
            yield self._binding(group, plan)

    def among(self, group: Sequence[Requirement]) -> Iterator[Binding]:
        """Members of the group that bind alone."""
        if not group:
            return
        share = GROUP_SHARE if len(group) > 1 else 1.0
        plan = self.oracle.plan(without_all(self.resolved, group), share)
        if plan is None:
            self.complete = False
        elif worth_of(plan) < self.worth:
            yield from self._better(group, plan)
        elif plan.status != "optimal":
            yield from self._halves(group) if len(group) > 1 else self._open()
        else:
            self._saves_nothing.append(group)

    def _better(self, group: Sequence[Requirement], plan: Plan) -> Iterable[Binding]:
        return self._halves(group) if len(group) > 1 else [self._binding(group, plan)]

    def _binding(self, group: Sequence[Requirement], plan: Plan) -> Binding:
        ours, theirs = self.worth, worth_of(plan)
        price = round(ours[1] - theirs[1], 6) if ours[0] == theirs[0] else None
        return Binding(tuple(group), plan, price, plan.status == "optimal")

    def _halves(self, group: Sequence[Requirement]) -> Iterator[Binding]:
        middle = len(group) // 2
        yield from self.among(group[:middle])
        yield from self.among(group[middle:])

    def _open(self) -> Iterator[Binding]:
        """Neither a cheaper plan nor a proof that there is none."""
        self.complete = False
        return iter(())


def worth_of(plan: Plan) -> Worth:
    """What a plan leaves unserved and costs, in an order that compares; infinite without a plan."""
    certificate = plan.certificate
    if certificate is None or certificate.objective_usd is None:
        return (float("inf"),), float("inf")
    return tuple(level.unserved for level in certificate.service), certificate.objective_usd
