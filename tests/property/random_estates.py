"""Small but complete estates: two sites, offers of all terms, periods, often stages, and every kind of rule.

Prices are whole cents, lives whole years and horizons whole days, so that all money is exact in micro-dollars where
nothing is discounted. Interruptions, running costs and rents are above 0: nothing is free, and spot is never steady.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builders import NET, accelerator, instance, node, offer, option, profiled, site
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Measure, Quota
from gpufleet.schema.time import Period, Stage, Trend
from gpufleet.schema.workloads import SLO, ItemClass, Redundancy, RequestServing, Training

if TYPE_CHECKING:
    from random import Random

    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.workloads import Profiled, Workload

SIZES = {"n1": 1, "n2": 2, "nb": 1}
TERMS = ("on_demand", "spot", "spot", "reserved_1y", "reserved_3y", "purchase", "owned")


def random_estate(dice: Random) -> Instance:
    """Two to four workloads over two to four offers."""
    staged = dice.random() < 0.4
    days = 730 if staged else 1
    offers = [
        offer("base", dice.choice(("n1", "n2")), dice.randint(100, 300) / 100),
        *(_offer(dice, f"o{f}") for f in range(dice.randint(1, 3))),
    ]
    work = _workloads(dice, [taken.node_type for taken in offers])
    return instance(
        work,  # type: ignore[arg-type]
        offers,
        horizon_days=float(days),
        sites=_sites(dice),
        accelerators=(accelerator("A"), accelerator("B", vendor="Other", country="DE", family="New")),
        node_types=(node("n1"), node("n2", 2), node("nb", carries="B")),
        models=(NET,),
        periods=_periods(dice, days),
        stages=tuple(Stage(name=name, days=365.0) for name in ("one", "two")) if staged else (),
        trends=(Trend(source="test", price_change_per_year=-0.2),) if staged and dice.random() < 0.5 else (),
        discount_rate_per_year=dice.choice((0.0, 0.1)) if staged else 0.0,
        measures=tuple(_measure(dice, f"m{m}", work) for m in range(dice.choice((0, 0, 1, 2)))),
        budgets=_budgets(dice, work, days),
        rules=_rules(dice),
    )


def _sites(dice: Random) -> tuple[Any, Any]:
    cap = {"power_cap_kw": float(dice.randint(3, 9))} if dice.random() < 0.3 else {}
    return site(electricity_usd_per_kwh=0.1, **cap), site("cloud", kind="public_cloud", provider="P")


def _periods(dice: Random, days: int) -> tuple[Period, ...]:
    if dice.random() < 0.4:
        return ()
    factor = dice.choice((0.0, 0.25, 0.5))
    return Period(name="night", hours=8.0 * days, demand_factor=factor), Period(name="day", hours=16.0 * days)


def _offer(dice: Random, name: str) -> Offer:
    term, kind, place = dice.choice(TERMS), dice.choice(sorted(SIZES)), dice.choice(("here", "cloud"))
    if term in ("purchase", "owned"):
        place = "here"
    price = dice.randint(50, 200) / 100 * SIZES[kind]
    changes: dict[str, Any] = {"term": term, "site": place, "stock": dice.choice((None, 1, 2, 4))}
    if changes["stock"] != 1 and term != "owned" and dice.random() < 0.2:
        changes["min_order"] = 2
    if term == "purchase":
        changes |= {"capex_usd": dice.randint(1, 3) * 8760.0, "life_years": dice.choice((2.0, 4.0))}
        changes |= {"residual_fraction": 0.1, "resale_fraction": 0.5, "maintenance_fraction_per_year": 0.1}
        return offer(name, kind, None, **changes)
    if term == "owned":
        return offer(name, kind, None, **{**changes, "stock": dice.randint(1, 2), "running_usd_per_hour": 0.05})
    if term == "spot":
        changes |= {"interruptions_per_month": dice.choice((73.0, 365.0)), "hours_lost_per_interruption": 0.5}
        price = round(price / 2, 2)
    return offer(name, kind, price, **changes)


# ------------------------------------------------------------------------------------------------- workloads


def _workloads(dice: Random, kinds: list[str]) -> list[Workload]:
    every: list[Workload] = [_profiled(dice, "chat", kinds, _classes(dice))]
    every += [
        make(dice)
        for make in (_service, _vision, _training)
        if dice.random() < 0.6 or (make is _training and len(every) == 1)
    ]
    if isinstance(every[1], list):  # the two members of the service
        every[1:2] = _members(dice, kinds)
    return every


def _service(_: Random) -> Any:
    return []


def _members(dice: Random, kinds: list[str]) -> list[Profiled]:
    first = _profiled(dice, "u", kinds, {"all": float(dice.randint(1, 4))}, service="shared")
    second = first.classes[0].model_copy(update={"requests_per_s": float(dice.randint(1, 4))})
    return [first, first.model_copy(update={"name": "v", "classes": (second,)})]


def _classes(dice: Random) -> dict[str, float]:
    if dice.random() < 0.5:
        return {"all": float(dice.randint(1, 9))}
    return {name: dice.choice((1.0, 2.0, 3.0)) for name in "ab"}


def _profiled(dice: Random, name: str, kinds: list[str], classes: dict[str, float], **changes: Any) -> Profiled:
    forms = [
        option(f"k-{kind}", kind, dice.choice([1, SIZES[kind]]), rates={c: float(dice.randint(2, 6)) for c in classes})
        for kind in sorted(set(kinds))
    ]
    changes["max_spot_share"] = dice.choice((1.0, 1.0, 0.5))
    if dice.random() < 0.35:
        changes["redundancy"] = Redundancy(spare_nodes=1)
    elif dice.random() < 0.2:
        changes["redundancy"] = Redundancy(survive_site_loss=True)
    if dice.random() < 0.2:
        changes["min_replicas"] = 2
    return profiled(forms, classes, name, **changes)


def _vision(dice: Random) -> RequestServing:
    return RequestServing(
        name="vision",
        kind="request_serving",
        model="net",
        classes=(ItemClass(name="image", requests_per_s=float(dice.randint(5, 60))),),
        slo=(SLO(metric="end_to_end", percentile=99.0, limit_ms=float(dice.choice((60, 150, 400)))),),
        max_batch=4,
    )


def _training(dice: Random) -> Training:
    return Training(
        name="run",
        kind="training",
        model="net",
        samples=dice.choice((2e5, 5e5, 1e6)),
        epochs=1.0,
        global_batch=8,
        deadline_days=1.0,
        max_spot_share=dice.choice((1.0, 0.5)),
        redundancy=Redundancy(spare_nodes=dice.choice((0, 0, 1))),
    )


# ----------------------------------------------------------------------------------------------------- rules


def _measure(dice: Random, name: str, work: list[Workload]) -> Measure:
    """The members of a service are named by the service."""
    names = dict.fromkeys(getattr(w, "service", None) or w.name for w in work)
    cost = float(dice.randint(1, 40))
    return Measure(name=name, cost_usd=cost, workloads=(dice.choice([*names]),), throughput_factor=2.0, source="test")


def _budgets(dice: Random, work: list[Workload], days: int) -> Budgets:
    caps: dict[str, Any] = {}
    if dice.random() < 0.2:
        caps["usd_per_day"] = float(dice.randint(50, 600))
    if dice.random() < 0.2:
        caps["capex_usd"] = float(dice.randint(0, 3) * 8760)
    if dice.random() < 0.2:
        caps["workloads"] = {work[0].name: BudgetCaps(horizon_usd=float(dice.randint(20, 300) * days))}
    if dice.random() < 0.1:
        caps["sites"] = {"cloud": BudgetCaps(usd_per_day=float(dice.randint(0, 100)))}
    return Budgets(**caps)


def _rules(dice: Random) -> FleetRules:
    rules: dict[str, Any] = {}
    if dice.random() < 0.2:
        rules["max_node_types"] = dice.randint(1, 2)
    if dice.random() < 0.15:
        rules["max_site_share"] = {"cloud": 0.5}
    if dice.random() < 0.15:
        rules["max_spot_share"] = 0.5
    if dice.random() < 0.2:
        rules["quotas"] = (Quota(provider="P", accelerator="A", accelerators=dice.randint(0, 4)),)
    return FleetRules(**rules)
