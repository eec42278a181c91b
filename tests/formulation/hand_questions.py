"""Questions that can be answered on paper, and what they are made of. All last one hour, if nothing else is said."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from builders import EFFICIENCY, NET, accelerator, edited, instance, node, offer, option, profiled, site, training
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.problem.offers import Reserve
from gpufleet.problem.scenarios import ScenarioRows
from gpufleet.problem.signatures import KnownFleet, PartRules
from gpufleet.scenarios.settings import ScenarioSettings
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Measure, StageCaps
from gpufleet.schema.migration import CurrentNodes, CurrentUse, Migration
from gpufleet.schema.offers import PriceStep
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.time import Period, Stage, Trend
from gpufleet.schema.workloads import Redundancy

if TYPE_CHECKING:
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.workloads import Profiled, ProfiledOption


@dataclass(frozen=True)
class HandCase:
    """What the cheapest fleet costs, USD; None = there is none."""

    family: str
    name: str
    question: Instance
    usd: float | None
    unserved: tuple[float, ...] = ()
    """What stays unserved by priority, the highest first, where that is allowed."""
    parts: PartRules | None = None
    """What is asked of the parts of the fleet, beside the instance."""
    moves_usd: float = 0.0
    """The part of it that changes of today's fleet cost."""
    scenarios: ScenarioRows | None = None
    """What the fleet must also meet."""

    def __str__(self) -> str:
        return f"{self.family}-{self.name}"


ONE = option("one", rates={"all": 3.0})
"""3 requests/s on one accelerator."""
FOUR = option("four", "n4", 4, rates={"all": 13.0})
"""13 requests/s on four."""
BOTH_WAYS = option("k", rates={"a": 6.0, "b": 6.0})
EVEN = {"a": 3.0, "b": 3.0}
BOTH = (offer(), offer("o4", "n4", 3.5))
"""A single accelerator for 1 USD, four together for 3.50 USD."""


def asked_for(rate: float, offers: tuple = BOTH, **changes: object) -> Instance:
    return instance([profiled([ONE, FOUR], rate)], offers, **changes)


def two_kinds(**rules: object) -> Instance:
    """9 requests/s; single nodes of A (vendor V, US) for 1 USD and of B (vendor W, CN) for 5, 3 requests/s each."""
    return instance(
        [profiled([option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})], 9.0)],
        (offer(), offer("dear", "nb", 5.0)),
        accelerators=(accelerator("A", vendor="V"), accelerator("B", vendor="W", country="CN")),
        node_types=(node(), node("nb", carries="B")),
        rules=FleetRules(**rules),  # type: ignore[arg-type]
    )


def stepped(*steps: float) -> Offer:
    """Single nodes for 1 USD with volume discounts: (from count, discount), one after the other."""
    pairs = zip(steps[::2], steps[1::2], strict=True)
    return offer(price_steps=tuple(PriceStep(from_count=int(n), discount_fraction=d) for n, d in pairs))


def only_a(most: float, first: Offer, dear: str, **others: float) -> Instance:
    """3 requests/s that only A serves, at 1 USD a node; B costs 5 USD a node, whether of 1 or of 72."""
    return instance(
        [profiled([ONE], 3.0)],
        (first, offer("dear", dear, 5.0)),
        accelerators=(accelerator("A"), accelerator("B")),
        node_types=(node(), node("nb", carries="B"), node("nb72", 72, carries="B")),
        rules=FleetRules(max_accelerator_share={"A": most, **others}),
    )


def part_rules(*known: tuple[str, float], required: str = "", forbidden: str = "") -> PartRules:
    """Every offer is a part; known fleets as (letters of their parts, USD)."""
    fleets = tuple(KnownFleet(frozenset(names), round(usd * 10**6)) for names, usd in known)
    return PartRules({name: (name,) for name in "abc"}, fleets, tuple(required), tuple(forbidden))


def three_ways() -> Instance:
    """9 requests/s: a for 1 USD carries 3, b for 4 carries 9, c for 0.50 carries 1."""
    forms = [option("one", rates={"all": 3.0}), option("two", "n2", 2, rates={"all": 9.0})]
    small = option("small", "n4", 4, rates={"all": 1.0})
    offers = (offer("a"), offer("b", "n2", 4.0), offer("c", "n4", 0.5))
    return instance([profiled([*forms, small], 9.0)], offers)


TWICE: dict[str, Any] = {"throughput_factor": 2.0}
QUARTER_ON_SPOT = FleetRules(max_spot_share=0.25)
PERIODS = (Period(name="night", hours=8.0, demand_factor=0.25), Period(name="day", hours=16.0))


def day_of(
    offers: tuple[Offer, ...],
    factors: dict[str, float] | None = None,
    min_replicas: int = 0,
    redundancy: Redundancy | None = None,
    **changes: Any,
) -> Instance:
    """A day of 8 hours at a quarter of 12 requests/s and 16 hours at all of it; nodes carry 3 requests/s."""
    spare = redundancy or Redundancy()
    work = profiled([ONE], 12.0, min_replicas=min_replicas, demand_factors=factors or {}, redundancy=spare)
    return instance([work], offers, horizon_days=1.0, periods=PERIODS, **changes)


def reserved(usd_per_hour: float) -> Offer:
    return offer("r", usd_per_hour=usd_per_hour, term="reserved_1y")


def trained(
    share: float,
    rate: float = 0.0,
    offers: tuple[Offer, ...] = (offer(),),
    allowed: tuple[str, ...] | None = None,
    spare_nodes: int = 0,
    restart_minutes: float = 0.0,
    occurrences: tuple[int, int] = (1, 1),
    **changes: Any,
) -> Instance:
    """A run that takes this share of its deadline on one single-accelerator node, beside so many requests/s by day."""
    run = training(
        periods=allowed,
        redundancy=Redundancy(spare_nodes=spare_nodes),
        restart_minutes=restart_minutes,
        **changes,
    )
    one = Configurations.of([(Parallelism(), 1)])
    days = float(
        estimate(run, NET, NET.variants[0], accelerator(), node(), one, efficiency=EFFICIENCY).training_days[0]
    )
    run = run.model_copy(update={"deadline_days": days / share})
    served = [profiled([ONE], rate, demand_factors={"night": 1 / 3})] if rate else []
    periods = tuple(edited(period, occurrences=n) for period, n in zip(PERIODS, occurrences, strict=True))
    return instance([*served, run], offers, horizon_days=1.0, periods=periods, models=(NET,))


QUARTERS = tuple(Stage(name=f"q{n}", days=91.25) for n in range(4))
YEARS = (Stage(name="one", days=365.0), Stage(name="two", days=365.0))


def years_of(rate: float, *offers: Offer, stages: tuple[Stage, ...] = YEARS, **changes: Any) -> Instance:
    """Years in which rates double from one to the next; nodes carry 3 requests/s."""
    days = sum(stage.days for stage in stages)
    return instance([profiled([ONE], rate, growth_per_year=1.0)], offers, horizon_days=days, stages=stages, **changes)


def uneven(factor: float) -> tuple[Stage, ...]:
    """A year and a half, and half a year with this factor on the demand."""
    return Stage(name="one", days=547.5), Stage(name="two", days=182.5, demand_factor=factor)


def bought(**changes: Any) -> Offer:
    """8,760 USD for four years: 2,190 USD a year."""
    return offer("p", usd_per_hour=None, term="purchase", capex_usd=8760.0, life_years=4.0, **changes)


def cheaper(change: float) -> tuple[Trend, ...]:
    return (Trend(source="test", price_change_per_year=change),)


def faster(gain: float) -> tuple[Trend, ...]:
    return (Trend(source="test", throughput_change_per_year=gain),)


def two_terms() -> tuple[Offer, Offer]:
    """Reserved for a year at 1 USD/h, for three at half of that."""
    return offer("r1", term="reserved_1y"), offer("r3", usd_per_hour=0.5, term="reserved_3y")


def by_stage(*caps: float) -> Budgets:
    return Budgets(stages={s.name: StageCaps(capex_usd=cap) for s, cap in zip(YEARS, caps, strict=True)})


def spot_offer(usd_per_hour: float = 0.25, interruptions: float = 365.0, **changes: Any) -> Offer:
    """A quarter of the price; by default half of the time is lost: 365 interruptions in 730 hours, an hour each."""
    lost = {"interruptions_per_month": interruptions, "hours_lost_per_interruption": 1.0}
    return offer("s", usd_per_hour=usd_per_hour, term="spot", **lost, **changes)


def on_spot(rate: float, most: float = 1.0, offers: tuple[Offer, ...] = (), **changes: Any) -> Instance:
    return instance([profiled([ONE], rate, max_spot_share=most)], (offer(), *offers), **changes)


def measure_of(cost_usd: float, **changes: Any) -> Measure:
    return Measure(name=changes.pop("name", "m"), cost_usd=cost_usd, workloads=("w",), source="test", **changes)


def improved(rate: float, *measures: Measure, options: tuple[ProfiledOption, ...] = (ONE,), **changes: Any) -> Instance:
    return instance([profiled(options, rate)], (offer(stock=10),), measures=measures, **changes)


BARE: dict[str, Any] = {"network_gb_s": None, "power_kw": None, "rack_units": None}
"""What a partition leaves to its node."""
WHOLE = option("whole", "n4", 4, rates={"all": 13.0})
SMALL = option("small", "n4-1g", rates={"all": 1.0})
SINGLE = option("single", "n4", rates={"all": 3.0})
APART = (profiled([WHOLE], 13.0, "v"), profiled([SMALL], 5.0))
MIDDLE = option("middle", "n4-3g", rates={"all": 4.0})


def sliced(
    workloads: tuple[Profiled, ...], offers: tuple[Offer, ...] = (offer("o4", "n4", 3.5),), **changes: Any
) -> Instance:
    """Nodes of 4 accelerators for 3.50 USD, each of which can also run as 28 instances, or as 8."""
    fields: dict[str, Any] = {
        "accelerators": tuple(accelerator(name) for name in ("A", "A-1g", "A-3g")),
        "node_types": (
            *(node(f"n{count}", count) for count in (1, 4)),
            node("n4-1g", 28, "A-1g", partition_of="n4", **BARE),
            node("n4-3g", 8, "A-3g", partition_of="n4", **BARE),
        ),
        "partitions": ("n4-1g", "n4-3g"),
    }
    return instance(workloads, offers, **{**fields, **changes})


def sliced_day() -> Instance:
    """13 requests/s by day that take a whole node, 28 by night on its instances."""
    by_day = profiled([WHOLE], 13.0, "d", demand_factors={"night": 0.0})
    by_night = profiled([SMALL], 28.0, "n", demand_factors={"day": 0.0, "night": 1.0})
    offers = (offer("r4", "n4", 2.0, term="reserved_1y"), offer("o4", "n4", 3.5))
    return sliced((by_day, by_night), offers, horizon_days=1.0, horizon_hours=None, periods=PERIODS)


EIGHT = option("eight", "n4", 8, rates={"all": 5.0})
"""5 requests/s on two nodes of four."""
ON_FOUR = option("one-of-four", "n4", 1, rates={"all": 3.0})
"""3 requests/s on one accelerator of four."""


def redundant(rate: float, offers: tuple[Offer, ...], **asked: Any) -> Instance:
    return instance([profiled([ONE, FOUR], rate, redundancy=Redundancy(**asked))], offers)


def side_by_side(first: int, second: int) -> Instance:
    """Two workloads of two single-accelerator replicas each, with so many spare nodes; nodes cost 1 USD."""
    spares = {"v": first, "w": second}
    work = [profiled([ONE], 6.0, name, redundancy=Redundancy(spare_nodes=k)) for name, k in spares.items()]
    return instance(work, (offer(),))


def places_of(*prices: float, stock: int | None = None) -> dict[str, Any]:
    """One site per price, with single nodes at that price."""
    names = [f"s{number}" for number in range(len(prices))]
    offers = [
        offer(f"o-{name}", usd_per_hour=usd, site=name, stock=stock) for name, usd in zip(names, prices, strict=True)
    ]
    return {"sites": tuple(site(name) for name in names), "offers": tuple(offers)}


def spread(rates: float | dict[str, float], *prices: float, stock: int | None = None) -> Instance:
    """Single accelerators that carry 3 requests/s of `all`, or 6 of a or b; any one site may be lost."""
    served = option("k", rates=dict.fromkeys(rates, 6.0) if isinstance(rates, dict) else {"all": 3.0})
    work = profiled([served], rates, redundancy=Redundancy(survive_site_loss=True))
    return instance([work], **places_of(*prices, stock=stock))


def class_at_one_site() -> Instance:
    options = [option("k", rates={"a": 6.0}), option("large", "n4", 4, rates={"a": 6.0, "b": 6.0})]
    work = profiled(options, {"a": 1.0, "b": 1.0}, redundancy=Redundancy(survive_site_loss=True))
    places = places_of(1.0, 1.0)
    return instance([work], **{**places, "offers": (*places["offers"], offer("o4", "n4", 3.5, site="s0"))})


def two_sites_day() -> Instance:
    places = places_of(1.0, 1.0)
    return day_of(places["offers"], redundancy=Redundancy(survive_site_loss=True), sites=places["sites"])


def budgets_of(**caps: float) -> Budgets:
    return Budgets(workloads={"w": BudgetCaps(**caps)})


def capped(rate: float, offers: tuple[Offer, ...] = BOTH, **caps: float) -> Instance:
    return instance([profiled([ONE, FOUR, ON_FOUR], rate)], offers, budgets=budgets_of(**caps))


def short(question: Instance, **changes: Any) -> Instance:
    """The same where demand may stay unserved."""
    return edited(question, allow_unserved=True, **changes)


def first_and_second(rate: float = 9.0, **changes: Any) -> Instance:
    """Two workloads of so many requests/s each, one before the other; single nodes carry 3 for 1 USD."""
    work = [profiled([ONE], rate, "first", priority=7), profiled([ONE], rate, "second")]
    return instance(work, **{"offers": (offer(stock=5),), "allow_unserved": True, **changes})


def served_first(question: Instance) -> Instance:
    """The first workload before all others, where demand may stay unserved."""
    first, *others = question.workloads
    return short(question, workloads=(edited(first, priority=1), *others))


def moved_from(nodes: dict[str, int], usd_per_node: float, accelerators: int = 0, each: float = 0.0) -> Migration:
    """Today's nodes by offer, and accelerators of `w` on nodes of 4, with prices of changing them."""
    uses = (CurrentUse(workload="w", site="here", node_type="n4", accelerators=accelerators),) if accelerators else ()
    counts = tuple(CurrentNodes(offer=name, count=count) for name, count in nodes.items())
    return Migration(usd_per_node=usd_per_node, usd_per_accelerator=each, nodes=counts, uses=uses)


def scenes(demand: float, availability: float = 1.0, violated: int = 0) -> ScenarioRows:
    """Three scenarios of so much more demand, in which nodes are there for so much of the time."""
    settings = ScenarioSettings(3, 1, (demand, demand), availability, throughput=False)
    must = frozenset() if violated else frozenset({0, 1, 2})
    return ScenarioRows(settings, (0, 1, 2), must, violated, Reserve(Fraction(4), 2, 40))
