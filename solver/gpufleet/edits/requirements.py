"""Every requirement of an instance, one by one: budgets, rules, sites, offers, and those of the workloads.

Facts are none: what hardware is, what was measured, prices, owned nodes, the horizon and the sizes of requests stay.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from gpufleet.edits.caps import Cap, capped
from gpufleet.edits.requirement import (
    Requirement,
    shown,
    with_instance,
    with_offer,
    with_rules,
    with_share,
    with_site,
    without_all,
)
from gpufleet.edits.workload_requirements import workload_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.edits.requirement import Kind
    from gpufleet.schema.instance import BudgetCaps, Quota
    from gpufleet.schema.resolved import ResolvedInstance

CAPS: Final = {
    "usd_per_day": ("budget", "USD per day"),
    "horizon_usd": ("budget", "USD over the horizon"),
    "capex_usd": ("purchase budget", "USD"),
}
"""What a cap is called, and its unit."""
SHARES: Final = {
    "max_vendor_share": ("accelerators of vendor {}", True),
    "max_accelerator_share": ("{} accelerators", True),
    "max_site_share": ("accelerators at site {}", True),
    "min_country_share": ("accelerators from {}", False),
}
"""What is counted in a share of the fleet, and whether the share is an upper limit."""
GROUPS: Final[dict[str, frozenset[Kind]]] = {
    "redundancy": frozenset(("spare_nodes", "site_loss")),
    "budgets": frozenset(("budget", "site_budget", "workload_budget", "stage_budget")),
    "privacy": frozenset(("privacy",)),
    "accuracy": frozenset(("accuracy",)),
    "slo": frozenset(("latency",)),
    "shares": frozenset(("share",)),
    "quotas": frozenset(("quota",)),
    "stock": frozenset(("stock",)),
}
"""Requirements that can be taken away together, by the name of the group."""


def without_group(resolved: ResolvedInstance, name: str) -> ResolvedInstance:
    """The instance without all requirements of a group, its digest left alone; the same object if it has none."""
    return without_all(resolved, (known for known in requirements(resolved) if known.kind in GROUPS[name]))


def requirements(resolved: ResolvedInstance) -> tuple[Requirement, ...]:
    """All requirements of an instance: of the workloads, then of the fleet, each in the order of the file."""
    return (
        *workload_requirements(resolved),
        *_budgets(resolved),
        *_sites(resolved),
        *_rules(resolved),
        *_offers(resolved),
        *_performance(resolved),
    )


def _budgets(resolved: ResolvedInstance) -> Iterator[Requirement]:
    budgets = resolved.instance.budgets
    yield from _caps("budget", budgets, "")
    for name, caps in budgets.sites.items():
        yield from _caps("site_budget", caps, f" of site {name}", "sites", name)
    for name, caps in budgets.workloads.items():
        yield from _caps("workload_budget", caps, f" of {name}", "workloads", name)
    for name, stage in budgets.stages.items():
        yield _cap("stage_budget", Cap("capex_usd", "stages", name), stage.capex_usd, f" of stage {name}")


def _caps(kind: Kind, caps: BudgetCaps, whose: str, part: str | None = None, name: str = "") -> Iterator[Requirement]:
    for field in CAPS:
        value: float | None = getattr(caps, field)
        if value is not None:
            yield _cap(kind, Cap(field, part, name), value, whose)


def _cap(kind: Kind, cap: Cap, value: float, whose: str) -> Requirement:
    what, unit = CAPS[cap.field]
    return Requirement(
        kind=kind,
        words=f"{what}{whose} of {shown(value)} {unit}",
        loc=cap.loc,
        lift=partial(capped, cap=cap, value=None),
        lifting=f"do without the {what}{whose}",
        value=value,
        put=lambda resolved, value: capped(resolved, cap, value),
        putting=f"raise the {what}{whose} to {{}} {unit}",
        unit=unit,
    )


def _sites(resolved: ResolvedInstance) -> Iterator[Requirement]:
    for number, site in enumerate(resolved.instance.sites):
        if site.power_cap_kw is not None:
            yield _room("power", "power_cap_kw", number, site.name, site.power_cap_kw)
        if site.rack_units is not None:
            yield _room("rack_units", "rack_units", number, site.name, site.rack_units)


def _room(kind: Kind, field: str, number: int, site: str, value: float) -> Requirement:
    """A limit on what a site has room for."""
    what, unit = ("power", "kW") if kind == "power" else ("space", "rack units")

    def put(resolved: ResolvedInstance, value: float | None) -> ResolvedInstance:
        return with_site(resolved, number, **{field: value})

    return Requirement(
        kind=kind,
        words=f"{what} at {site} of at most {shown(value)} {unit}",
        loc=("sites", number, field),
        lift=partial(put, value=None),
        lifting=f"do without the limit on {what} at {site}",
        value=value,
        put=put,
        putting=f"raise the {what} at {site} to {{}} {unit}",
        unit=unit,
    )


def _rules(resolved: ResolvedInstance) -> Iterator[Requirement]:
    rules = resolved.instance.rules
    if rules.max_node_types is not None:
        yield Requirement(
            kind="node_types",
            words=f"at most {rules.max_node_types} node type{'s' * (rules.max_node_types != 1)} in the fleet",
            loc=("rules", "max_node_types"),
            lift=partial(with_rules, max_node_types=None),
            lifting="do without the limit on node types",
            value=rules.max_node_types,
            put=lambda r, v: with_rules(r, max_node_types=v),
            putting="allow {} node types",
            unit="node types",
            whole=True,
        )
    for field, (what, is_most) in SHARES.items():
        for name, share in getattr(rules, field).items():
            yield _share(field, name, share, what.format(name), is_most)
    if rules.max_spot_share is not None:
        yield Requirement(
            kind="share",
            words=f"spot accelerators at most {shown(rules.max_spot_share)} of the fleet",
            loc=("rules", "max_spot_share"),
            lift=partial(with_rules, max_spot_share=None),
            lifting="do without the limit on the share of spot accelerators",
            value=rules.max_spot_share,
            put=lambda r, v: with_rules(r, max_spot_share=v),
            putting="allow a share of spot accelerators of {}",
            most=1.0,
        )
    yield from (_quota(rules.quotas, number) for number in range(len(rules.quotas)))


def _share(field: str, name: str, share: float, what: str, is_most: bool) -> Requirement:
    return Requirement(
        kind="share",
        words=f"{what} at {'most' if is_most else 'least'} {shown(share)} of the fleet",
        loc=("rules", field, name),
        lift=partial(with_share, field=field, name=name, value=None),
        lifting=f"do without the limit on the share of {what}",
        value=share,
        put=lambda resolved, value: with_share(resolved, field, name, value),
        putting=f"{'allow' if is_most else 'accept'} a share of {what} of {{}}",
        rising=is_most,
        most=1.0 if is_most else 0.0,
    )


def _quota(quotas: tuple[Quota, ...], number: int) -> Requirement:
    quota = quotas[number]
    what = f"quota of {quota.accelerator} accelerators from {quota.provider}"

    def put(resolved: ResolvedInstance, value: float | None) -> ResolvedInstance:
        kept = list(resolved.instance.rules.quotas)
        at = next(n for n, q in enumerate(kept) if (q.provider, q.accelerator) == (quota.provider, quota.accelerator))
        kept[at : at + 1] = [] if value is None else [quota.model_copy(update={"accelerators": value})]
        return with_rules(resolved, quotas=tuple(kept))

    return Requirement(
        kind="quota",
        words=f"{what} of {quota.accelerators}",
        loc=("rules", "quotas", number),
        lift=partial(put, value=None),
        lifting=f"do without the {what}",
        value=quota.accelerators,
        put=put,
        putting=f"raise the {what} to {{}}",
        unit="accelerators",
        whole=True,
    )


def _offers(resolved: ResolvedInstance) -> Iterator[Requirement]:
    """Stock and minimum orders; owned nodes are there or not."""
    for name, offer in resolved.offers.items():
        if offer.stock is not None and offer.term != "owned":
            yield Requirement(
                kind="stock",
                words=f"stock of {name} of {offer.stock} node{'s' * (offer.stock != 1)}",
                loc=("offers", name, "stock"),
                lift=partial(with_offer, name=name, stock=None),
                lifting=f"get {name} without limit",
                value=offer.stock,
                put=lambda r, v, name=name: with_offer(r, name, stock=v),  # type: ignore[misc]
                putting=f"get {{}} nodes of {name}",
                unit="nodes",
                whole=True,
            )
        if offer.min_order:
            yield Requirement(
                kind="min_order",
                words=f"minimum order of {offer.min_order} nodes of {name}",
                loc=("offers", name, "min_order"),
                lift=partial(with_offer, name=name, min_order=0),
                lifting=f"get {name} without a minimum order",
                value=offer.min_order,
                put=lambda r, v, name=name: with_offer(r, name, min_order=v),  # type: ignore[misc]
                putting=f"lower the minimum order of {name} to {{}} nodes",
                unit="nodes",
                rising=False,
                whole=True,
                most=0,
            )


def _performance(resolved: ResolvedInstance) -> Iterator[Requirement]:
    if resolved.instance.performance == "p90":
        usual = partial(with_instance, performance="p50")
        yield Requirement(
            kind="performance",
            words="rates and latencies that are kept with 90 % confidence (performance p90)",
            loc=("performance",),
            lift=usual,
            lifting="count on the estimates as they stand (performance p50)",
        )
    if resolved.instance.measurements and resolved.instance.measurements_policy == "only":

        def modelled(resolved: ResolvedInstance) -> ResolvedInstance:
            changed = with_instance(resolved, measurements_policy="model")
            return replace(changed, profiles=replace(changed.profiles, policy="model"))

        yield Requirement(
            kind="measured_only",
            words="options that were measured only (measurements_policy only)",
            loc=("measurements_policy",),
            lift=modelled,
            lifting="count on the performance model where nothing was measured (measurements_policy model)",
        )
