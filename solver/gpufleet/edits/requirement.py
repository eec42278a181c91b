"""What one requirement is: a single fact that the user wrote, with what it takes to do without it or to relax it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from gpufleet.edits.changes import redigest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import FieldPath, ResolvedInstance
    from gpufleet.schema.workloads import Workload

    Change = Callable[[ResolvedInstance], ResolvedInstance]
    """A change that leaves the digest alone: several are made one after the other, and the digest follows once."""
    Setting = Callable[[ResolvedInstance, float], ResolvedInstance]

Kind = Literal[
    "budget", "site_budget", "workload_budget", "stage_budget",
    "power", "rack_units", "quota", "share", "node_types",
    "stock", "min_order",
    "demand", "deadline", "latency", "accuracy", "privacy", "precision", "accelerators", "parallelism", "max_batch",
    "utilisation", "min_replicas", "max_replicas", "spare_nodes", "site_loss", "spot_share", "run_periods",
    "performance", "measured_only",
]  # fmt: skip
AMOUNTS: frozenset[Kind] = frozenset(
    ("budget", "site_budget", "workload_budget", "stage_budget", "power", "rack_units", "quota")
)
"""Caps on a linear amount: the smallest that will do is one solve away."""


@dataclass(frozen=True)
class Choice:
    """One step of relief where there is no number: another value that is allowed."""

    words: str
    """What to do, e.g. `allow sites in US too`."""
    change: Change = field(compare=False)


@dataclass(frozen=True)
class Requirement:
    """A single fact of the instance that a plan must respect."""

    kind: Kind
    words: str
    """In the words of the user, with value and unit: `budget of 480 USD per day`."""
    loc: FieldPath
    """The field that says it, in the resolved instance."""
    lift: Change = field(compare=False)
    """The instance without it, its digest left alone."""
    lifting: str
    """What doing without it means, e.g. `do without the limit on node types`."""
    value: float | None = None
    """The present value; None where it is no number."""
    put: Setting | None = field(default=None, compare=False)
    """The instance with another value, its digest left alone; None where it is no number."""
    putting: str = ""
    """What that means, with {} for the value: `raise the budget to {} USD per day`."""
    unit: str = ""
    rising: bool = True
    """Do larger values ask for less?"""
    whole: bool = False
    """Is the value a whole number?"""
    most: float | None = None
    """The value that asks for the least; None where there is none."""
    levels: tuple[float, ...] = ()
    """The only other values that make a difference, the least relief first; empty = any value."""
    choices: tuple[Choice, ...] = ()
    """Where it is no number: single steps of relief."""
    ordered: bool = False
    """Does every choice allow all that the one before it does?"""

    def without(self, resolved: ResolvedInstance) -> ResolvedInstance:
        """The instance without it."""
        return redigest(self.lift(resolved))

    def at(self, resolved: ResolvedInstance, value: float) -> ResolvedInstance:
        """The instance with another value. Raises ValueError where it has no number."""
        if self.put is None:
            raise ValueError(f"{self.words}: it has no number to change")
        return redigest(self.put(resolved, int(value) if self.whole else value))


def without_all(resolved: ResolvedInstance, requirements: Iterable[Requirement]) -> ResolvedInstance:
    """The instance without several requirements; its digest is left alone."""
    for requirement in requirements:
        resolved = requirement.lift(resolved)
    return resolved


def shown(value: float) -> str:
    """A value as it would be written into the file, with thousands separated.

    >>> shown(1234.5), shown(4.0), shown(0.915)
    ('1,234.5', '4', '0.915')
    """
    return f"{value:,.12g}"


def with_instance(resolved: ResolvedInstance, **fields: object) -> ResolvedInstance:
    """Some fields of the instance replaced; the digest is left alone."""
    return replace(resolved, instance=resolved.instance.model_copy(update=fields))


def with_rules(resolved: ResolvedInstance, **fields: object) -> ResolvedInstance:
    """Some fleet rules replaced; the digest is left alone."""
    return with_instance(resolved, rules=resolved.instance.rules.model_copy(update=fields))


def with_share(resolved: ResolvedInstance, field: str, name: str, value: float | None) -> ResolvedInstance:
    """One share of the fleet replaced, or taken out."""
    shares: Mapping[str, float] = getattr(resolved.instance.rules, field)
    kept = {key: known for key, known in shares.items() if key != name}
    return with_rules(resolved, **{field: kept if value is None else {**shares, name: value}})


def with_site(resolved: ResolvedInstance, number: int, **fields: object) -> ResolvedInstance:
    """Some fields of one site replaced; the digest is left alone."""
    sites = list(resolved.instance.sites)
    sites[number] = sites[number].model_copy(update=fields)
    changed = with_instance(resolved, sites=tuple(sites))
    return replace(changed, sites={**resolved.sites, sites[number].name: sites[number]})


def with_offer(resolved: ResolvedInstance, name: str, **fields: object) -> ResolvedInstance:
    """Some fields of one offer replaced; the digest is left alone."""
    offers: dict[str, Offer] = dict(resolved.offers)
    offers[name] = offers[name].model_copy(update=fields)
    return replace(resolved, offers=offers)


def with_workload(resolved: ResolvedInstance, number: int, **fields: object) -> ResolvedInstance:
    """Some fields of one workload replaced; the digest is left alone."""
    workloads: list[Workload] = list(resolved.instance.workloads)
    workloads[number] = workloads[number].model_copy(update=fields)
    return with_instance(resolved, workloads=tuple(workloads))
