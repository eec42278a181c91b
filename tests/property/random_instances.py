"""Seeded random instances, tiny enough for enumeration and varied enough to bring every limit into play.

Routed demands are 1, 2, 3, 4 or 6 and rates 1 to 6: a fractional share of a best split over two options is then a
multiple of 1/10,080 (demand x lcm of the rates divides it, also at half utilisation), so the share grid loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builders import accelerator, instance, node, offer, option, profiled, site
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Quota

if TYPE_CHECKING:
    from random import Random

    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer, Site
    from gpufleet.schema.workloads import Profiled

SIZES = {"n1": 1, "n2": 2, "n4": 4}
EXACT_DEMANDS = (1.0, 2.0, 3.0, 4.0, 6.0)


def random_instance(random: Random, routed_options: int = 2) -> Instance:
    """One or two workloads over up to three offers."""
    names = random.sample(sorted(SIZES), random.randint(1, 2))
    sites = _sites(random)
    offers = _offers(random, names, [place.name for place in sites])
    used = sorted({taken.node_type for taken in offers})
    pools = len({(taken.site, taken.node_type) for taken in offers})
    workloads = [_workload(random, f"w{w}", used, pools, routed_options) for w in range(random.choice((1, 1, 2)))]
    return instance(
        workloads,
        offers,
        sites=sites,
        accelerators=(accelerator("A"), accelerator("B")),
        node_types=tuple(
            node(name, size, random.choice("AB"), power_kw=random.choice((0.4, 1.0, 1.5)), rack_units=float(size))
            for name, size in SIZES.items()
        ),
        budgets=_budgets(random, [place.name for place in sites]),
        rules=_rules(random, sites),
    )


def _sites(random: Random) -> tuple[Site, ...]:
    changes: dict[str, Any] = {"electricity_usd_per_kwh": random.choice((0.0, 0.31)), "pue": random.choice((1.0, 1.3))}
    if random.random() < 0.15:
        changes["power_cap_kw"] = random.choice((1.0, 2.0, 3.5, 5.0, 8.0))
    if random.random() < 0.15:
        changes["rack_units"] = random.choice((1.0, 3.0, 6.0, 9.0, 20.0))
    first = site("here", **changes)
    if random.random() < 0.6:
        return (first,)
    return first, site("cloud", kind="public_cloud", provider="P", country="DE")


def _offers(random: Random, node_types: list[str], sites: list[str]) -> list[Offer]:
    count = random.randint(1, 3)
    return [_offer(random, f"o{f}", random.choice(node_types), random.choice(sites)) for f in range(count)]


def _offer(random: Random, name: str, node_type: str, place: str) -> Offer:
    stock = random.choice((None, None, None, 0, 1, 2, 3, 4, 6))
    price = random.randint(1, 300) / 100 * (0.6 + 0.4 * SIZES[node_type])
    if random.random() < 0.75:
        return offer(name, node_type, round(price, 3), site=place, stock=stock)
    if random.random() < 0.3:
        running = random.choice((0.0, 0.11))
        owned = {"term": "owned", "stock": stock or 1, "running_usd_per_hour": running}
        return offer(name, node_type, None, site=place, **owned)
    bought = {"term": "purchase", "capex_usd": round(price * 8760 * 2), "life_years": random.choice((2.0, 3.0))}
    return offer(name, node_type, None, site=place, stock=stock, maintenance_fraction_per_year=0.1, **bought)


def _workload(random: Random, name: str, node_types: list[str], pools: int, routed_options: int) -> Profiled:
    is_routed = random.random() < 0.45
    # an option exists once per pool of its node type; routing is enumerated for few of them only
    most = max(1, routed_options // pools) if is_routed else 3
    count = min(most, random.randint(1, 3))
    classes = [f"c{c}" for c in range(random.choice((2, 2, 3)) if is_routed else 1)]
    demands = {c: random.choice(EXACT_DEMANDS) if is_routed else random.randint(1, 90) / 10 for c in classes}
    if is_routed and random.random() < 0.15:
        demands["idle"] = 0.0
    options = [_option(random, f"k{k}", random.choice(node_types), list(demands), is_routed) for k in range(count)]
    changes: dict[str, Any] = {}
    if random.random() < 0.2:
        changes["min_replicas"] = random.randint(1, 4)
    if random.random() < 0.2:
        changes["max_replicas"] = random.randint(max(2, changes.get("min_replicas", 0)), 7)
    return profiled(options, demands, name, max_utilisation=random.choice((1.0, 1.0, 0.5)), **changes)


def _option(random: Random, name: str, node_type: str, classes: list[str], is_routed: bool) -> Any:
    node_size = SIZES[node_type]
    sizes = [size for size in (1, 2, 4) if size <= node_size] + [2 * node_size]
    if is_routed:
        rates = {c: float(random.randint(1, 6)) for c in classes if random.random() < 0.85}
    else:
        rates = {c: random.randint(15, 120) / 10 for c in classes}
    return option(name, node_type, random.choice(sizes), rates=rates or {classes[0]: 3.0})


def _budgets(random: Random, sites: list[str]) -> Budgets:
    caps: dict[str, Any] = {}
    if random.random() < 0.2:
        caps["horizon_usd"] = random.randint(1, 300) / 10
    if random.random() < 0.15:
        caps["usd_per_day"] = random.randint(20, 300) * 1.0
    if random.random() < 0.1:
        caps["capex_usd"] = random.choice((0.0, 20_000.0, 60_000.0))
    if random.random() < 0.15:
        caps["sites"] = {random.choice(sites): BudgetCaps(horizon_usd=random.randint(0, 150) / 10)}
    return Budgets(**caps)


def _rules(random: Random, sites: tuple[Site, ...]) -> FleetRules:
    if len(sites) == 1 or random.random() < 0.5:
        return FleetRules()
    return FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=random.randint(0, 6)),))
