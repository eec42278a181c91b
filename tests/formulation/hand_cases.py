"""Instances that can be solved on paper, two or more per constraint family. All last one hour."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from builders import EFFICIENCY, NET, accelerator, edited, instance, node, offer, option, profiled, site
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.problem.offers import Reserve
from gpufleet.problem.scenarios import ScenarioRows
from gpufleet.problem.signatures import KnownFleet, PartRules
from gpufleet.scenarios.settings import ScenarioSettings
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Measure, Quota, StageCaps
from gpufleet.schema.migration import CurrentNodes, CurrentUse, Migration
from gpufleet.schema.offers import PriceStep
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.time import Period, Stage, Trend
from gpufleet.schema.workloads import Redundancy, Training

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


def _asked(rate: float, offers: tuple = BOTH, **changes: object) -> Instance:
    return instance([profiled([ONE, FOUR], rate)], offers, **changes)


def _two_kinds(**rules: object) -> Instance:
    """9 requests/s; single nodes of A (vendor V, US) for 1 USD and of B (vendor W, CN) for 5, 3 requests/s each."""
    return instance(
        [profiled([option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})], 9.0)],
        (offer(), offer("dear", "nb", 5.0)),
        accelerators=(accelerator("A", vendor="V"), accelerator("B", vendor="W", country="CN")),
        node_types=(node(), node("nb", carries="B")),
        rules=FleetRules(**rules),  # type: ignore[arg-type]
    )


def _stepped(*steps: float) -> Offer:
    """Single nodes for 1 USD with volume discounts: (from count, discount), one after the other."""
    pairs = zip(steps[::2], steps[1::2], strict=True)
    return offer(price_steps=tuple(PriceStep(from_count=int(n), discount_fraction=d) for n, d in pairs))


def _only_a(most: float, first: Offer, dear: str, **others: float) -> Instance:
    """3 requests/s that only A serves, at 1 USD a node; B costs 5 USD a node, whether of 1 or of 72."""
    return instance(
        [profiled([ONE], 3.0)],
        (first, offer("dear", dear, 5.0)),
        accelerators=(accelerator("A"), accelerator("B")),
        node_types=(node(), node("nb", carries="B"), node("nb72", 72, carries="B")),
        rules=FleetRules(max_accelerator_share={"A": most, **others}),
    )


def _parts(*known: tuple[str, float], required: str = "", forbidden: str = "") -> PartRules:
    """Every offer is a part; known fleets as (letters of their parts, USD)."""
    fleets = tuple(KnownFleet(frozenset(names), round(usd * 10**6)) for names, usd in known)
    return PartRules({name: (name,) for name in "abc"}, fleets, tuple(required), tuple(forbidden))


def _three_ways() -> Instance:
    """9 requests/s: a for 1 USD carries 3, b for 4 carries 9, c for 0.50 carries 1."""
    forms = [option("one", rates={"all": 3.0}), option("two", "n2", 2, rates={"all": 9.0})]
    small = option("small", "n4", 4, rates={"all": 1.0})
    offers = (offer("a"), offer("b", "n2", 4.0), offer("c", "n4", 0.5))
    return instance([profiled([*forms, small], 9.0)], offers)


TWICE: dict[str, Any] = {"throughput_factor": 2.0}
QUARTER_ON_SPOT = FleetRules(max_spot_share=0.25)
PERIODS = (Period(name="night", hours=8.0, demand_factor=0.25), Period(name="day", hours=16.0))


def _day(
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


def _reserved(usd_per_hour: float) -> Offer:
    return offer("r", usd_per_hour=usd_per_hour, term="reserved_1y")


def _trained(
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
    run = Training(
        name="run",
        kind="training",
        model="net",
        samples=1000.0,
        epochs=1.0,
        global_batch=1,
        deadline_days=1.0,
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


def _years(rate: float, *offers: Offer, stages: tuple[Stage, ...] = YEARS, **changes: Any) -> Instance:
    """Years in which rates double from one to the next; nodes carry 3 requests/s."""
    days = sum(stage.days for stage in stages)
    return instance([profiled([ONE], rate, growth_per_year=1.0)], offers, horizon_days=days, stages=stages, **changes)


def _uneven(factor: float) -> tuple[Stage, ...]:
    """A year and a half, and half a year with this factor on the demand."""
    return Stage(name="one", days=547.5), Stage(name="two", days=182.5, demand_factor=factor)


def _bought(**changes: Any) -> Offer:
    """8,760 USD for four years: 2,190 USD a year."""
    return offer("p", usd_per_hour=None, term="purchase", capex_usd=8760.0, life_years=4.0, **changes)


def _cheaper(change: float) -> tuple[Trend, ...]:
    return (Trend(source="test", price_change_per_year=change),)


def _faster(gain: float) -> tuple[Trend, ...]:
    return (Trend(source="test", throughput_change_per_year=gain),)


def _terms() -> tuple[Offer, Offer]:
    """Reserved for a year at 1 USD/h, for three at half of that."""
    return offer("r1", term="reserved_1y"), offer("r3", usd_per_hour=0.5, term="reserved_3y")


def _by_stage(*caps: float) -> Budgets:
    return Budgets(stages={s.name: StageCaps(capex_usd=cap) for s, cap in zip(YEARS, caps, strict=True)})


def _spot(usd_per_hour: float = 0.25, interruptions: float = 365.0, **changes: Any) -> Offer:
    """A quarter of the price; by default half of the time is lost: 365 interruptions in 730 hours, an hour each."""
    lost = {"interruptions_per_month": interruptions, "hours_lost_per_interruption": 1.0}
    return offer("s", usd_per_hour=usd_per_hour, term="spot", **lost, **changes)


def _on_spot(rate: float, most: float = 1.0, offers: tuple[Offer, ...] = (), **changes: Any) -> Instance:
    return instance([profiled([ONE], rate, max_spot_share=most)], (offer(), *offers), **changes)


def _measure(cost_usd: float, **changes: Any) -> Measure:
    return Measure(name=changes.pop("name", "m"), cost_usd=cost_usd, workloads=("w",), source="test", **changes)


def _improved(
    rate: float, *measures: Measure, options: tuple[ProfiledOption, ...] = (ONE,), **changes: Any
) -> Instance:
    return instance([profiled(options, rate)], (offer(stock=10),), measures=measures, **changes)


BARE: dict[str, Any] = {"network_gb_s": None, "power_kw": None, "rack_units": None}
"""What a partition leaves to its node."""
WHOLE = option("whole", "n4", 4, rates={"all": 13.0})
SMALL = option("small", "n4-1g", rates={"all": 1.0})
SINGLE = option("single", "n4", rates={"all": 3.0})
APART = (profiled([WHOLE], 13.0, "v"), profiled([SMALL], 5.0))
MIDDLE = option("middle", "n4-3g", rates={"all": 4.0})


def _sliced(
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


def _sliced_day() -> Instance:
    """13 requests/s by day that take a whole node, 28 by night on its instances."""
    by_day = profiled([WHOLE], 13.0, "d", demand_factors={"night": 0.0})
    by_night = profiled([SMALL], 28.0, "n", demand_factors={"day": 0.0, "night": 1.0})
    offers = (offer("r4", "n4", 2.0, term="reserved_1y"), offer("o4", "n4", 3.5))
    return _sliced((by_day, by_night), offers, horizon_days=1.0, horizon_hours=None, periods=PERIODS)


EIGHT = option("eight", "n4", 8, rates={"all": 5.0})
"""5 requests/s on two nodes of four."""
ON_FOUR = option("one-of-four", "n4", 1, rates={"all": 3.0})
"""3 requests/s on one accelerator of four."""


def _redundant(rate: float, offers: tuple[Offer, ...], **asked: Any) -> Instance:
    return instance([profiled([ONE, FOUR], rate, redundancy=Redundancy(**asked))], offers)


def _side_by_side(first: int, second: int) -> Instance:
    """Two workloads of two single-accelerator replicas each, with so many spare nodes; nodes cost 1 USD."""
    spares = {"v": first, "w": second}
    work = [profiled([ONE], 6.0, name, redundancy=Redundancy(spare_nodes=k)) for name, k in spares.items()]
    return instance(work, (offer(),))


def _places(*prices: float, stock: int | None = None) -> dict[str, Any]:
    """One site per price, with single nodes at that price."""
    names = [f"s{number}" for number in range(len(prices))]
    offers = [
        offer(f"o-{name}", usd_per_hour=usd, site=name, stock=stock) for name, usd in zip(names, prices, strict=True)
    ]
    return {"sites": tuple(site(name) for name in names), "offers": tuple(offers)}


def _spread(rates: float | dict[str, float], *prices: float, stock: int | None = None) -> Instance:
    """Single accelerators that carry 3 requests/s of `all`, or 6 of a or b; any one site may be lost."""
    served = option("k", rates=dict.fromkeys(rates, 6.0) if isinstance(rates, dict) else {"all": 3.0})
    work = profiled([served], rates, redundancy=Redundancy(survive_site_loss=True))
    return instance([work], **_places(*prices, stock=stock))


def _class_at_one_site() -> Instance:
    options = [option("k", rates={"a": 6.0}), option("large", "n4", 4, rates={"a": 6.0, "b": 6.0})]
    work = profiled(options, {"a": 1.0, "b": 1.0}, redundancy=Redundancy(survive_site_loss=True))
    places = _places(1.0, 1.0)
    return instance([work], **{**places, "offers": (*places["offers"], offer("o4", "n4", 3.5, site="s0"))})


def _two_sites_day() -> Instance:
    places = _places(1.0, 1.0)
    return _day(places["offers"], redundancy=Redundancy(survive_site_loss=True), sites=places["sites"])


def _caps(**caps: float) -> Budgets:
    return Budgets(workloads={"w": BudgetCaps(**caps)})


def _capped(rate: float, offers: tuple[Offer, ...] = BOTH, **caps: float) -> Instance:
    return instance([profiled([ONE, FOUR, ON_FOUR], rate)], offers, budgets=_caps(**caps))


def _short(question: Instance, **changes: Any) -> Instance:
    """The same where demand may stay unserved."""
    return edited(question, allow_unserved=True, **changes)


def _first_and_second(rate: float = 9.0, **changes: Any) -> Instance:
    """Two workloads of so many requests/s each, one before the other; single nodes carry 3 for 1 USD."""
    work = [profiled([ONE], rate, "first", priority=7), profiled([ONE], rate, "second")]
    return instance(work, **{"offers": (offer(stock=5),), "allow_unserved": True, **changes})


def _served_first(question: Instance) -> Instance:
    """The first workload before all others, where demand may stay unserved."""
    first, *others = question.workloads
    return _short(question, workloads=(edited(first, priority=1), *others))


def _from(nodes: dict[str, int], usd_per_node: float, accelerators: int = 0, each: float = 0.0) -> Migration:
    """Today's nodes by offer, and accelerators of `w` on nodes of 4, with prices of changing them."""
    uses = (CurrentUse(workload="w", site="here", node_type="n4", accelerators=accelerators),) if accelerators else ()
    counts = tuple(CurrentNodes(offer=name, count=count) for name, count in nodes.items())
    return Migration(usd_per_node=usd_per_node, usd_per_accelerator=each, nodes=counts, uses=uses)


def _scenes(demand: float, availability: float = 1.0, violated: int = 0) -> ScenarioRows:
    """Three scenarios of so much more demand, in which nodes are there for so much of the time."""
    settings = ScenarioSettings(3, 1, (demand, demand), availability, throughput=False)
    must = frozenset() if violated else frozenset({0, 1, 2})
    return ScenarioRows(settings, (0, 1, 2), must, violated, Reserve(Fraction(4), 2, 40))


HAND_CASES = (
    # 6 requests/s take two single nodes, 12 of them four: or one of 4, which carries 13, for 3.50
    HandCase("scenarios", "twice the demand", _asked(6.0), 3.5, scenarios=_scenes(2.0)),
    HandCase("scenarios", "all may be violated", _asked(6.0), 2.0, scenarios=_scenes(2.0, violated=3)),
    HandCase("scenarios", "one of three may be", _asked(6.0), 3.5, scenarios=_scenes(2.0, violated=1)),
    HandCase("scenarios", "no node is ever up", _asked(6.0), None, scenarios=_scenes(1.0, 0.0)),
    HandCase("scenarios", "too few nodes", _asked(6.0, (offer(stock=3),)), None, scenarios=_scenes(2.0)),
    # classes a and b take 1/2 of a replica each: twice of both take two
    HandCase("scenarios", "two classes", instance([profiled([BOTH_WAYS], EVEN)], BOTH), 2.0, scenarios=_scenes(2.0)),
    # 20 requests/s cost 6.50 from nothing: a node of 4 and three single ones; today two nodes of 4 for 7 stand there
    HandCase("moves", "changes for nothing", _asked(20.0, migration=_from({"o4": 2}, 0.0)), 6.5),
    # 0.5 is saved, and 1 + 3 nodes change: 0.12 each is 0.48, 0.13 each 0.52
    HandCase("moves", "changes pay", _asked(20.0, migration=_from({"o4": 2}, 0.12)), 6.98, moves_usd=0.48),
    HandCase("moves", "changes do not pay", _asked(20.0, migration=_from({"o4": 2}, 0.13)), 7.0),
    # five nodes of 4 are three too many: 3.50 each is saved by giving one up for 3, nothing for 4
    HandCase("moves", "nodes too many go", _asked(20.0, migration=_from({"o4": 5}, 3.0)), 16.0, moves_usd=9.0),
    HandCase("moves", "nodes too many stay", _asked(20.0, migration=_from({"o4": 5}, 4.0)), 17.5),
    # what is no longer offered goes whatever it costs, and everything else comes
    HandCase("moves", "no longer offered", _asked(3.0, migration=_from({"old": 2}, 10.0)), 31.0, moves_usd=30.0),
    # the node of 4 is there, but w has to be set up on its four accelerators, for 0.1 each
    HandCase("moves", "accelerators", _asked(13.0, migration=_from({"o4": 1}, 0.0, each=0.1)), 3.9, moves_usd=0.4),
    HandCase("moves", "accelerators of today", _asked(13.0, migration=_from({"o4": 1}, 0.0, 4, 9.0)), 3.5),
    HandCase("moves", "too few nodes", _asked(16.0, (offer(stock=5),), migration=_from({"o1": 5}, 1.0)), None),
    # 20 requests/s: 13 + 3 + 3 = 19 is too little, 13 + 3 x 3 = 22 costs 3.50 + 3 = 6.50; 2 x 13 costs 7; 7 x 3 costs 7
    HandCase("demand", "mixed fleet", _asked(20.0), 6.5),
    # 3.0 requests/s fill one replica exactly; 3.1 do not fit on it
    HandCase("demand", "exactly full", _asked(3.0), 1.0),
    HandCase("demand", "just too much", _asked(3.1), 2.0),
    # at 90 % utilisation one replica carries 2.7 of the 3.0
    HandCase("demand", "utilisation", instance([profiled([ONE], 3.0, max_utilisation=0.9)], BOTH), 2.0),
    # 5 nodes carry 15 of 16 requests/s
    HandCase("demand", "not enough nodes", _asked(16.0, (offer(stock=5),)), None),
    # a replica carries 6 of class a or 2 of class b, or a mix: 3 of a take 1/2, 1 of b takes 1/2
    HandCase(
        "routing",
        "one replica shared by two classes",
        instance([profiled([option("k", rates={"a": 6.0, "b": 2.0})], {"a": 3.0, "b": 1.0})], BOTH),
        1.0,
    ),
    # the same with 3.6 of a: 0.6 + 0.5 > 1, so two replicas
    HandCase(
        "routing",
        "one replica is not enough",
        instance([profiled([option("k", rates={"a": 6.0, "b": 2.0})], {"a": 3.6, "b": 1.0})], BOTH),
        2.0,
    ),
    # only `four` serves b; its replica (2 of 4 requests/s of b) has half left for a: 4 of the 6. The other 2 of a take
    # 2/3 of a `one` replica: 3.50 + 1. Without sharing, 6 of a on `one` would need 2 replicas: 5.50.
    HandCase(
        "routing",
        "a class is split",
        instance(
            [
                profiled(
                    [option("one", rates={"a": 3.0}), option("four", "n4", 4, rates={"a": 8.0, "b": 4.0})],
                    {"a": 6.0, "b": 2.0},
                )
            ],
            BOTH,
        ),
        4.5,
    ),
    # nobody serves class b
    HandCase(
        "routing",
        "a class that nobody serves",
        instance([profiled([option("k", rates={"a": 6.0})], {"a": 1.0, "b": 1.0})], BOTH),
        None,
    ),
    # two nodes, three classes that each take a whole replica
    HandCase(
        "routing",
        "three full classes on two nodes",
        instance(
            [profiled([option("k", rates={"a": 1.0, "b": 1.0, "c": 1.0})], {"a": 1.0, "b": 1.0, "c": 1.0})],
            (offer(stock=2),),
        ),
        None,
    ),
    # two workloads of 1 replica x 2 accelerators each share one node of 4
    HandCase(
        "pools",
        "two workloads share a node",
        instance(
            [
                profiled([option("two", "n4", 2, rates={"all": 5.0})], 5.0, "v"),
                profiled([option("two", "n4", 2, rates={"all": 5.0})], 5.0, "w"),
            ],
            BOTH,
        ),
        3.5,
    ),
    # a replica of 8 spans two nodes of 4
    HandCase(
        "pools",
        "a replica over two nodes",
        instance([profiled([option("eight", "n4", 8, rates={"all": 5.0})], 5.0)], BOTH),
        7.0,
    ),
    # one node of 4 in stock: three replicas of 2 accelerators need 6
    HandCase(
        "pools",
        "no room",
        instance([profiled([option("two", "n4", 2, rates={"all": 5.0})], 15.0)], (offer("o4", "n4", 3.5, stock=1),)),
        None,
    ),
    # the cheap offer has 2 of the 5 nodes needed: 2 x 0.50 + 3 x 1
    HandCase("pools", "two offers on one pool", _asked(15.0, (offer(), offer("o", "n1", 0.5, stock=2))), 4.0),
    # 28 requests/s: 28 instances on one node; on whole accelerators at 3 each, 10 of them on 3 nodes
    HandCase("partitions", "a node in 28 instances", _sliced((profiled([SINGLE, SMALL], 28.0),)), 3.5),
    # 29 requests/s: a second node, as anything
    HandCase("partitions", "one instance too few", _sliced((profiled([SINGLE, SMALL], 29.0),)), 7.0),
    # the whole node is needed by one workload, 5 instances by another: a node runs as one thing
    HandCase("partitions", "two nodes run differently", _sliced(APART), 7.0),
    HandCase("partitions", "one node cannot run as both", _sliced(APART, (offer("o4", "n4", 3.5, stock=1),)), None),
    # 3 kinds of use: 8 x 4 requests/s on one node in 8, 28 on another in 28, 13 on a whole one
    HandCase("partitions", "two partitions and the base", _sliced((*APART, profiled([MIDDLE], 32.0, "m"))), 10.5),
    # the instance lists the coarse one alone: 36 requests/s are 9 instances of 4, on two nodes
    HandCase(
        "partitions", "only the coarse one", _sliced((profiled([SMALL, MIDDLE], 36.0),), partitions=("n4-3g",)), 7.0
    ),
    HandCase("partitions", "not listed", _sliced((profiled([SMALL], 1.0),), partitions=()), None),
    # whole by day (16 h), 28 instances by night (8 h): the same reserved node for 24 x 2 USD; rented: 24 x 3.50
    HandCase("partitions", "by day and by night", _sliced_day(), 48.0),
    # power, quotas and node types count the node, once: 1 kW, 4 accelerators, 1 node type
    HandCase(
        "partitions",
        "limits count nodes",
        _sliced(
            (profiled([SMALL], 28.0),),
            sites=(site(power_cap_kw=1.0, rack_units=1.0, provider="P"),),
            rules=FleetRules(max_node_types=1, quotas=(Quota(provider="P", accelerator="A", accelerators=4),)),
        ),
        3.5,
    ),
    HandCase(
        "partitions",
        "a quota below one node",
        _sliced(
            (profiled([SMALL], 1.0),),
            sites=(site(provider="P"),),
            rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=3),)),
        ),
        None,
    ),
    # a share of half for A, which every instance counts to: idle nodes of B balance it, accelerator by accelerator
    HandCase(
        "partitions",
        "shares count accelerators of nodes",
        _sliced(
            (profiled([SMALL], 28.0),),
            (offer("o4", "n4", 3.5), offer("b", "nb", 1.0)),
            accelerators=tuple(accelerator(name) for name in ("A", "B", "A-1g")),
            node_types=(
                node("n4", 4),
                node("nb", 1, "B"),
                node("n4-1g", 28, "A-1g", partition_of="n4", **BARE),
            ),
            partitions=("n4-1g",),
            rules=FleetRules(max_accelerator_share={"A": 0.5}),
        ),
        7.5,
    ),
    # 2 requests/s need 1 replica, 3 are wanted
    HandCase("replicas", "at least", instance([profiled([ONE], 2.0, min_replicas=3)], BOTH), 3.0),
    # at most 2 replicas for 20 requests/s: only 2 x 13 do
    HandCase("replicas", "at most", instance([profiled([ONE, FOUR], 20.0, max_replicas=2)], BOTH), 7.0),
    HandCase("replicas", "too few allowed", instance([profiled([ONE, FOUR], 27.0, max_replicas=2)], BOTH), None),
    # 12 requests/s: 4 x 3 = 4 USD or 13 = 3.50 USD; per day 24 times that
    HandCase("budget", "exactly met", _asked(12.0, budgets=Budgets(usd_per_day=84.0)), 3.5),
    HandCase("budget", "a cent too little", _asked(12.0, budgets=Budgets(usd_per_day=83.99)), None),
    HandCase("budget", "horizon", _asked(12.0, budgets=Budgets(horizon_usd=3.5)), 3.5),
    HandCase("budget", "horizon too little", _asked(12.0, budgets=Budgets(horizon_usd=3.499999)), None),
    # `there` may cost 1.50 USD: one cheap node there, the other at home
    HandCase(
        "budget",
        "one site",
        _asked(
            6.0,
            (offer(usd_per_hour=2.0), offer("o", usd_per_hour=1.0, site="there")),
            sites=(site(), site("there")),
            budgets=Budgets(sites={"there": BudgetCaps(horizon_usd=1.5)}),
        ),
        3.0,
    ),
    # one purchase of 8,760 USD over one year costs 1 USD/h, a rented node 1.20; capex allows one purchase only
    HandCase(
        "budget",
        "capex",
        _asked(
            6.0,
            (
                offer("buy", usd_per_hour=None, term="purchase", capex_usd=8760.0, life_years=1.0),
                offer("rent", usd_per_hour=1.2),
            ),
            budgets=Budgets(capex_usd=17_519.99),
        ),
        2.2,
    ),
    # 9 requests/s: 3 nodes of 1 kW
    HandCase("power", "enough", _asked(9.0, (offer(),), sites=(site(power_cap_kw=3.0),)), 3.0),
    HandCase("power", "too little", _asked(9.0, (offer(),), sites=(site(power_cap_kw=2.9),)), None),
    # 3 x 0.3333 kW are 0.9999 kW: watts must not be rounded up one node at a time
    HandCase(
        "power",
        "fractions of a watt",
        _asked(9.0, (offer(),), node_types=(node(power_kw=0.3333), node("n4", 4)), sites=(site(power_cap_kw=1.0),)),
        3.0,
    ),
    HandCase("rack", "enough", _asked(9.0, (offer(),), sites=(site(rack_units=3.0),)), 3.0),
    HandCase("rack", "too little", _asked(9.0, (offer(),), sites=(site(rack_units=2.5),)), None),
    # 2 of the cheap accelerators at most, so the third replica is the dear one
    HandCase(
        "quota",
        "two of the cheap kind",
        instance(
            [profiled([option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})], 9.0)],
            (offer(), offer("dear", "nb", 5.0)),
            accelerators=(accelerator("A"), accelerator("B")),
            node_types=(node(), node("nb", carries="B")),
            sites=(site(provider="P"),),
            rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=2),)),
        ),
        7.0,
    ),
    # the quota counts accelerators, not nodes: 4 allowed = one node of 4, and nothing beside it
    HandCase(
        "quota",
        "too few",
        _asked(
            14.0,
            sites=(site(provider="P"),),
            rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=4),)),
        ),
        None,
    ),
    # nodes of vendor V cost 1, of W 5; each carries 3. 9 requests/s take 3 nodes; V may be two thirds
    HandCase("share", "two thirds from one vendor", _two_kinds(max_vendor_share={"V": 0.67}), 7.0),
    # V may be half at most: 1 V and 2 W = 11; with an idle node, 2 V and 2 W = 12
    HandCase("share", "half from one vendor", _two_kinds(max_vendor_share={"V": 0.5}), 11.0),
    HandCase("share", "none from either vendor", _two_kinds(max_vendor_share={"V": 0.0, "W": 0.0}), None),
    # a third of the fleet from CN, where W sits: 2 V + 1 W
    HandCase("share", "a third domestic", _two_kinds(min_country_share={"CN": 0.33}), 7.0),
    HandCase("share", "half of one type", _two_kinds(max_accelerator_share={"A": 0.5}), 11.0),
    HandCase("share", "not everything at the only site", _two_kinds(max_site_share={"here": 0.99}), None),
    # 4 requests/s need 2 nodes; at least 4 must be ordered: 4 x 1, against 2 x 2.50 without a minimum
    HandCase("orders", "minimum order", _asked(4.0, (offer("m", min_order=4), offer("n", usd_per_hour=2.5))), 4.0),
    # 6 x 1 against 2 x 2.50
    HandCase("orders", "minimum too large", _asked(4.0, (offer("m", min_order=6), offer("n", usd_per_hour=2.5))), 5.0),
    HandCase("orders", "no power", _asked(4.0, (offer(min_order=4),), sites=(site(power_cap_kw=3.0),)), None),
    # from 3 nodes on each costs 0.60: 2 needed at 1 = 2, 3 at 0.60 = 1.80
    HandCase("orders", "one more costs less", _asked(4.0, (_stepped(3, 0.4),)), 1.8),
    # from 4 on: 4 x 0.60 = 2.40 is more than 2 x 1
    HandCase("orders", "discount too far away", _asked(4.0, (_stepped(4, 0.4),)), 2.0),
    # 5 nodes: 1 or 2 cost 1 each, 3 or 4 cost 0.90, from 5 on 0.80 = 4.00
    HandCase("orders", "third tier", _asked(15.0, (_stepped(3, 0.1, 5, 0.2),)), 4.0),
    # 16 requests/s on both kinds: 3.50 + 1
    HandCase("node_types", "two allowed", _asked(16.0, rules=FleetRules(max_node_types=2)), 4.5),
    # one kind alone: 2 x 3.50 = 7 or 6 x 1 = 6
    HandCase("node_types", "one allowed", _asked(16.0, rules=FleetRules(max_node_types=1)), 6.0),
    # 2 single nodes and 1 node of 4 in stock: 16 requests/s need both kinds
    HandCase(
        "node_types",
        "one is not enough",
        _asked(16.0, (offer(stock=2), offer("o4", "n4", 3.5, stock=1)), rules=FleetRules(max_node_types=1)),
        None,
    ),
    # only A can serve, and its minimum order is 50 nodes; 50 idle ones of B balance them
    HandCase("share", "idle nodes against idle nodes", _only_a(0.5, offer(min_order=50), "nb"), 50 * 1.0 + 50 * 5.0),
    # one replica on A; B comes in nodes of 72 only, and neither may have more than half: 72 + 72 accelerators
    HandCase("share", "a node far too large", _only_a(0.5, offer(), "nb72", B=0.5), 72 * 1.0 + 5.0),
    # night (8 h) needs 1 node, day (16 h) 4. Rented at 1 USD/h: 8 + 64 = 72; owned by the year at 0.50 USD/h: 12 each
    HandCase("demand", "rented by the hour", _day((offer(),)), 72.0),
    # all four reserved: 48. One reserved, three rented by day: 12 + 48 = 60
    HandCase("demand", "reserved for the peak", _day((offer(), _reserved(0.5))), 48.0),
    # at 0.90 USD/h a reserved node costs 21.60 a day, a node rented by day 16: one reserved, three rented = 69.60
    HandCase("demand", "base and burst", _day((offer(), _reserved(0.9))), 69.6),
    # the stock of rented nodes holds in each period: 3 by day, and the fourth must be reserved
    HandCase("demand", "burst from a small stock", _day((offer(stock=3), _reserved(0.95))), 22.8 + 48.0),
    HandCase("demand", "peak above all stock", _day((offer(stock=3),)), None),
    # no demand at all by night: 4 rented by day, or none by night for a workload that keeps 2 replicas: 16 more
    HandCase("demand", "nights off", _day((offer(),), {"night": 0.0}), 64.0),
    HandCase("replicas", "kept warm by night", _day((offer(),), {"night": 0.0}, min_replicas=2), 80.0),
    # 3 kW by day are too little for 4 nodes
    HandCase("power", "too little by day", _day((offer(),), sites=(site(power_cap_kw=3.0),)), None),
    # the run takes 0.45 of its deadline: the day (2/3 of the time) is enough, 16 x 1
    HandCase("runs", "by day", _trained(0.45), 16.0),
    # 0.3 of its deadline: the night alone will do, 8 x 1
    HandCase("runs", "by night", _trained(0.3), 8.0),
    # 0.9 of its deadline: day and night
    HandCase("runs", "round the clock", _trained(0.9), 24.0),
    # at half speed on spot nodes it takes 0.9: day and night for 24 x 0.25; a replica over two of them never gets on
    HandCase("runs", "on spot nodes", _trained(0.45, offers=(offer(), _spot())), 6.0),
    # by day it serves 9 requests/s on 3 nodes, by night on 1; a reserved fleet of 3 has 2 idle by night for the run
    HandCase("runs", "on idle nodes", _trained(0.3, 9.0, (_reserved(0.5),)), 36.0),
    # one node for both years, a second one for the last: 3 node-years at 2,190 USD
    HandCase("pools", "bought when needed", _years(3.0, _bought()), 6570.0),
    # 8,760 - 4,380/1.21 = 5,140.165289; and (8,760 - 6,570/1.1)/1.1 = 2,533.884298
    HandCase("pools", "discounted", _years(3.0, _bought(), discount_rate_per_year=0.1), 7674.049587),
    # half price in the second year: sell at 6,570 after one year (2,190), and buy two that lose 1,095 each
    HandCase("pools", "half price later", _years(3.0, _bought(), trends=_cheaper(-0.5)), 2190.0 + 2 * 1095.0),
    # a sale brings half of that: 8,760 - 3,285 = 5,475 for the first year is too dear; keep it for 4,380
    HandCase("pools", "early sale", _years(3.0, _bought(resale_fraction=0.5), trends=_cheaper(-0.5)), 4380.0 + 1095.0),
    # 2.5 times as dear in a year, 5,475 USD for it: both are bought at once, and one stands idle for a year
    HandCase("pools", "bought ahead", _years(3.0, _bought(), trends=_cheaper(1.5)), 4 * 2190.0),
    # an old node loses 500 USD a year, and is gone after one; then two nodes rented for 8,760 hours each
    HandCase(
        "pools",
        "retired",
        _years(3.0, offer("v", usd_per_hour=None, term="owned", stock=1, resale_usd=500.0, life_years=1.0), offer()),
        500.0 + 2 * 8760.0,
    ),
    # one year: 8,760; three years at half price, of which two count: 8,760, and one: 4,380
    HandCase("pools", "reserved within the horizon", _years(3.0, *_terms()), 8760.0 + 4380.0),
    # the whole terms count: three years for 13,140, and one year for 8,760
    HandCase("pools", "reserved for the whole term", _years(3.0, *_terms(), commitments="term"), 13_140.0 + 8760.0),
    # for a stage of a year and a half the reservation is renewed once: two years, though nobody asks in the last half
    HandCase("pools", "renewed in full", _years(3.0, _terms()[0], stages=_uneven(0.0)), 2 * 8760.0),
    # and for the same two years when somebody does, at the price of the start
    HandCase(
        "pools",
        "renewed into the next stage",
        _years(1.0, _terms()[0], stages=_uneven(1.0), trends=_cheaper(1.0)),
        2 * 8760.0,
    ),
    # 2 requests/s grow by 2^(3/4) to 3.36 in the last quarter: a second node from then on, for a quarter or a year
    HandCase("pools", "quarters", _years(2.0, _terms()[0], stages=QUARTERS), 8760.0 + 2190.0),
    HandCase("pools", "quarters in full", _years(2.0, _terms()[0], stages=QUARTERS, commitments="term"), 2 * 8760.0),
    # one node of 2,190 a year in stock; the second one of year two is rented
    HandCase("stock", "one to buy", _years(3.0, _bought(stock=1), offer()), 2 * 2190.0 + 8760.0),
    HandCase("stock", "nothing else to be had", _years(3.0, _bought(stock=1)), None),
    # 17,520 USD of purchases in all are allowed, but only 8,760 in each year
    HandCase("budget", "capex by the year", _years(3.0, _bought(), budgets=_by_stage(8760.0, 8760.0)), 6570.0),
    HandCase("budget", "no capex in year two", _years(3.0, _bought(), budgets=_by_stage(17520.0, 0.0)), 8760.0),
    HandCase("budget", "too little in year one", _years(3.0, _bought(), budgets=_by_stage(8000.0, 17520.0)), None),
    # orders in either year have 2 nodes at least: 2 in year one for both
    HandCase("orders", "one order for all years", _years(3.0, _bought(min_order=2)), 4 * 2190.0),
    # software makes nodes twice as fast in a year, so that one does for both years
    HandCase("demand", "faster software", _years(3.0, _bought(), trends=_faster(1.0)), 4380.0),
    # half of the time is lost: 9 requests/s take 6 spot nodes of 1.5 each, 1.50 USD, instead of 3 for 3 USD
    HandCase("spot", "cheap enough", _on_spot(9.0, offers=(_spot(),)), 1.5),
    # at 0.60 USD they cost more than they save
    HandCase("spot", "not cheap enough", _on_spot(9.0, offers=(_spot(0.6),)), 3.0),
    # 2/3 must be served without them: 2 nodes and 2 spot nodes
    HandCase("spot", "a third", _on_spot(9.0, 0.34, (_spot(),)), 2.5),
    HandCase("spot", "never", _on_spot(9.0, 0.0, (_spot(),)), 3.0),
    # a replica over two nodes is interrupted twice as often: 1/4 lost on each leaves 1/2 of 5 requests/s
    HandCase(
        "spot",
        "over two nodes",
        instance([profiled([option("two", accelerators=2, rates={"all": 5.0})], 5.0)], (_spot(1.0, 182.5),)),
        4.0,
    ),
    # two classes that each fill a node; half of each may be on spot nodes: one node, and one spot node if never lost
    HandCase(
        "spot",
        "half of each class",
        instance(
            [profiled([option("k", rates={"a": 3.0, "b": 3.0})], {"a": 3.0, "b": 3.0}, max_spot_share=0.5)],
            (offer(), _spot(0.25, 0.0)),
        ),
        1.25,
    ),
    HandCase("spot", "no other nodes", instance([profiled([ONE], 9.0, max_spot_share=0.5)], (_spot(),)), None),
    # at most a quarter of all accelerators: 3 nodes and none, or 3 and 1
    HandCase(
        "share", "a quarter on spot", _on_spot(10.0, offers=(_spot(),), rules=FleetRules(max_spot_share=0.25)), 3.25
    ),
    # 12 requests/s take 4 nodes, or 2 with twice the throughput
    HandCase("measures", "pays", _improved(12.0, _measure(1.5, throughput_factor=2.0)), 3.5),
    HandCase("measures", "does not pay", _improved(12.0, _measure(2.5, throughput_factor=2.0)), 4.0),
    # both together: 3 x 2 x 2 = 12 on one node, 1 + 1.40 + 1.40 = 3.80; one alone 2 + 1.40 = 3.40
    HandCase(
        "measures",
        "one of two",
        _improved(12.0, *(_measure(1.4, throughput_factor=2.0, name=name) for name in "mn")),
        3.4,
    ),
    # a fifth of its life falls into the horizon: 7.50 / 5
    HandCase(
        "measures", "written off", _improved(12.0, _measure(7.5, throughput_factor=2.0, life_years=5 / 8760)), 3.5
    ),
    # `quick` serves 12 on one node, but only after a fine-tune for 2 USD
    HandCase(
        "measures",
        "unlocks",
        _improved(12.0, _measure(2.0, unlocks=("quick",)), options=(ONE, option("quick", rates={"all": 12.0}))),
        3.0,
    ),
    # 10 nodes carry 30; the measure would let them carry 60, but costs more than the budget leaves
    HandCase(
        "measures",
        "too dear for the budget",
        _improved(40.0, _measure(5.0, throughput_factor=2.0), budgets=Budgets(horizon_usd=11.0)),
        None,
    ),
    # purchase prices and measures are capped together
    HandCase(
        "budget",
        "no money for a measure",
        _improved(12.0, _measure(1.5, throughput_factor=2.0), budgets=Budgets(capex_usd=1.0)),
        4.0,
    ),
    HandCase("runs", "not allowed by day, too slow by night", _trained(0.45, allowed=("night",)), None),
    # 0.29 of its deadline: a night does 1.149 of it, 1.006 after an hour that the start takes
    HandCase("restarts", "the night will still do", _trained(0.29, restart_minutes=60.0), 8.0),
    # 0.977 after 72 minutes; by day 2.299 x (1 - 72/960)
    HandCase("restarts", "the night is too short", _trained(0.29, restart_minutes=72.0), 16.0),
    # the night is eight hours apart from each other, 10 minutes lost in each: 1.149 x 40/48
    HandCase("restarts", "every hour anew", _trained(0.29, restart_minutes=10.0, occurrences=(8, 16)), 16.0),
    # day and night on the same node: nothing starts, so nothing is lost
    HandCase("restarts", "never stops", _trained(0.99, restart_minutes=600.0), 24.0),
    # by day alone 1.010 of it, less an hour of 16
    HandCase("restarts", "the day is too short", _trained(0.66, allowed=("day",), restart_minutes=60.0), None),
    HandCase("restarts", "nothing is left of it", _trained(0.1, allowed=("night",), restart_minutes=600.0), None),
    # all of it by day on spot nodes would cost 4. Half must be done elsewhere: by night 0.556 of it, but 0.486 after
    # the start, so not by night and on spot nodes by day (8 + 4), but by day
    HandCase(
        "restarts",
        "half of it off spot nodes",
        _trained(0.6, offers=(offer(), _spot(0.25, 0.0)), restart_minutes=60.0, max_spot_share=0.5),
        16.0,
    ),
    # 30 requests/s on instances take 2 nodes of 28, and a third for 3.50 USD that may fail
    HandCase(
        "spare_nodes",
        "a spare node for instances",
        _sliced((profiled([SMALL], 30.0, redundancy=Redundancy(spare_nodes=1)),)),
        3 * 3.5,
    ),
    # a whole node and one of instances; the one that may fail takes the place of either
    HandCase(
        "spare_nodes",
        "one spare node for both",
        _sliced(tuple(edited(work, redundancy=Redundancy(spare_nodes=1)) for work in APART)),
        3 * 3.5,
    ),
    # 2 replicas on 2 nodes of 1 USD; with one spare node 3, with two 4
    HandCase("spare_nodes", "one spare node", _redundant(6.0, (offer(),), spare_nodes=1), 3.0),
    HandCase("spare_nodes", "two spare nodes", _redundant(6.0, (offer(),), spare_nodes=2), 4.0),
    HandCase("spare_nodes", "too few nodes in stock", _redundant(6.0, (offer(stock=2),), spare_nodes=1), None),
    # 13 requests/s: one node of 4 for 3.50 takes another one = 7; five single nodes take one more = 6
    HandCase("spare_nodes", "small nodes are cheaper to spare", _redundant(13.0, BOTH, spare_nodes=1), 6.0),
    # two workloads of 2 replicas each share the spare node: 5, not 6
    HandCase("spare_nodes", "shared by two workloads", _side_by_side(1, 1), 5.0),
    # the second workload gives way: its 2 nodes are the spare ones
    HandCase("spare_nodes", "others give way", _side_by_side(2, 0), 4.0),
    # both after one failure: 4 + 1; the first alone after four: 2 + 4 = 6
    HandCase("spare_nodes", "two levels, the higher one decides", _side_by_side(4, 1), 6.0),
    # both after one failure: 4 + 1; the first alone after two: 2 + 2 = 4
    HandCase("spare_nodes", "two levels, the lower one decides", _side_by_side(2, 1), 5.0),
    # a replica over two nodes of 4, and a third node: 3 x 3.50
    HandCase(
        "spare_nodes",
        "a replica over two nodes",
        instance([profiled([EIGHT], 5.0, redundancy=Redundancy(spare_nodes=1))], BOTH),
        10.5,
    ),
    # night (8 h) 1 + 1 nodes, day (16 h) 4 + 1: 16 + 80
    HandCase("spare_nodes", "by night and by day", _day((offer(),), redundancy=Redundancy(spare_nodes=1)), 96.0),
    # a run of 0.3 of its deadline goes by night (8 h) on one node, and keeps another one in reserve
    HandCase("spare_nodes", "room to restart a run", _trained(0.3, spare_nodes=1), 16.0),
    # 6 requests/s on 2 nodes, at 1 USD here and 3 USD there: all of it at both, 2 + 6
    HandCase("site_loss", "twice the replicas", _spread(6.0, 1.0, 3.0), 8.0),
    # at three sites for 1 USD each: without any one of them 2 replicas are left, so 3 are enough
    HandCase("site_loss", "three sites share the reserve", _spread(6.0, 1.0, 1.0, 1.0), 3.0),
    # the third one at 4 USD is dearer than a second node at both others
    HandCase("site_loss", "the third site is too dear", _spread(6.0, 1.0, 1.0, 4.0), 4.0),
    HandCase("site_loss", "the only site", _spread(6.0, 1.0), None),
    HandCase("site_loss", "a second site without nodes", _spread(6.0, 1.0, 1.0, stock=1), None),
    # classes a and b take 1/2 of a replica each: one whole replica at both sites
    HandCase("site_loss", "two classes", _spread({"a": 3.0, "b": 3.0}, 1.0, 2.0), 3.0),
    # 2/3 of a replica each: 4/3 must be left after any loss. Three sites: 1 + 1 + 1, any two of which carry 2
    HandCase("site_loss", "two classes over three sites", _spread({"a": 4.0, "b": 4.0}, 1.0, 1.0, 1.0), 3.0),
    # class b is served at one site only
    HandCase("site_loss", "a class at one site only", _class_at_one_site(), None),
    # by night one replica at each of two sites, by day four: 8 x 2 + 16 x 8
    HandCase("site_loss", "by night and by day", _two_sites_day(), 144.0),
    # 6 requests/s on 2 single nodes: 2 USD are charged
    HandCase("workload_budget", "exactly met", _capped(6.0, (offer(),), horizon_usd=2.0), 2.0),
    HandCase("workload_budget", "a cent too little", _capped(6.0, (offer(),), horizon_usd=1.99), None),
    HandCase("workload_budget", "per day", _capped(6.0, (offer(),), usd_per_day=48.0), 2.0),
    HandCase("workload_budget", "per day, a cent too little", _capped(6.0, (offer(),), usd_per_day=47.99), None),
    # one of four accelerators of a node for 3.50 is charged 0.875, and the idle ones are charged to nobody
    HandCase("workload_budget", "idle accelerators are free", _capped(3.0, (BOTH[1],), horizon_usd=0.875), 3.5),
    HandCase("workload_budget", "an accelerator is not", _capped(3.0, (BOTH[1],), horizon_usd=0.874999), None),
    # the second offer of the pool is dearer, so every accelerator of it is charged 5 USD, also those from the first
    HandCase(
        "workload_budget", "at the dearest price", _capped(6.0, (offer(), offer("d", "n1", 5.0)), horizon_usd=9), None
    ),
    # 9 requests/s: 3 single nodes for 3 USD, or 3 of the 4 accelerators of a node for 3.50, charged 2.625
    HandCase("workload_budget", "the fleet is dearer, the charge is not", _capped(9.0, horizon_usd=2.9), 3.5),
    # night 1 node of 8 h, day 4 of 16 h: 72
    HandCase("workload_budget", "over periods", _day((offer(),), budgets=_caps(horizon_usd=72.0)), 72.0),
    HandCase("workload_budget", "over periods, too little", _day((offer(),), budgets=_caps(horizon_usd=71.99)), None),
    # 5 nodes: 3 for the first, and 2 of the 3 that the second asks for
    HandCase("unserved", "too few nodes", _first_and_second(), 5.0, (0.0, 1 / 3)),
    HandCase("unserved", "not allowed", _first_and_second(allow_unserved=False), None),
    HandCase("unserved", "enough nodes", _first_and_second(6.0), 4.0, (0.0, 0.0)),
    HandCase("unserved", "a small budget", _first_and_second(budgets=Budgets(horizon_usd=2.0)), 2.0, (1 / 3, 1.0)),
    HandCase("unserved", "no money", _first_and_second(budgets=Budgets(horizon_usd=0.5)), 0.0, (1.0, 1.0)),
    # the tenth of 10 requests/s that 3 nodes leave unserved is on the grid of 1/10,080
    HandCase("unserved", "a tenth", _short(_asked(10.0, (offer(stock=3),))), 3.0, (0.1,)),
    # equal priority: 3 nodes carry one and a half workloads; the one that counts double is served in full
    HandCase(
        "unserved",
        "by weight",
        _short(instance([profiled([ONE], 6.0, "v"), profiled([ONE], 6.0, unserved_weight=2.0)], (offer(stock=3),))),
        3.0,
        (0.5,),
    ),
    # nobody serves class b, which is half of the requests
    HandCase(
        "unserved",
        "a class that nobody serves",
        _short(instance([profiled([option("k", rates={"a": 6.0})], {"a": 1.0, "b": 1.0})], BOTH)),
        1.0,
        (0.5,),
    ),
    HandCase("unserved", "no nodes at all", _short(_asked(3.0, (offer("o8", "n8"),))), 0.0, (1.0,)),
    # 2 nodes are no 3 replicas: all or nothing
    HandCase(
        "unserved",
        "too few for the minimum",
        _short(instance([profiled([ONE], 9.0, min_replicas=3)], (offer(stock=2),))),
        0.0,
        (1.0,),
    ),
    HandCase(
        "unserved",
        "the minimum is kept",
        _short(instance([profiled([ONE], 12.0, min_replicas=2)], (offer(stock=2),))),
        2.0,
        (0.5,),
    ),
    # one node elsewhere, and as much again on spot nodes: 6 of 9 requests/s
    HandCase(
        "unserved",
        "half of what is served on spot nodes",
        _short(
            instance([profiled([ONE], 9.0, max_spot_share=0.5)], (offer(stock=1), _spot(0.25, 0.0))),
        ),
        1.25,
        (1 / 3,),
    ),
    # one replica at each of two sites: after the loss of either 3 of 6 requests/s are left, so 3 are served at all
    HandCase("unserved", "what survives a site", _short(_spread(6.0, 1.0, 1.0, stock=1)), 2.0, (0.5,)),
    # one replica (6 of a or b) is left of two, where 4/3 are asked for: 1/3 of 8 requests/s are not served
    HandCase(
        "unserved",
        "two classes survive a site",
        _short(_spread({"a": 4.0, "b": 4.0}, 1.0, 1.0, stock=1)),
        2.0,
        (0.25,),
    ),
    # a run of 0.9 of its deadline would take 24 USD; it is done or not
    HandCase("unserved", "no half run", _short(_trained(0.9), budgets=Budgets(horizon_usd=23.0)), 0.0, (1.0,)),
    HandCase("unserved", "a whole run", _short(_trained(0.9), budgets=Budgets(horizon_usd=24.0)), 24.0, (0.0,)),
    # 3 nodes: 9 requests/s by day (16 h), 3 by night (8 h), and a run all day. Of 168 thousand requests 48 give way to
    # the run: 2 + 1 nodes by day, 1 + 1 by night
    HandCase("unserved", "the run is worth more", _short(_trained(0.9, 9.0, (offer(stock=3),))), 64.0, (48 / 168,)),
    # served first: 3 nodes by day, 1 by night; the run is not done, although nodes are idle by night
    HandCase(
        "unserved", "served before trained", _served_first(_trained(0.9, 9.0, (offer(stock=3),))), 56.0, (0.0, 1.0)
    ),
    # three of a are cheapest; with c beside them they save nothing, but two of a and three of c do: 3.50 USD
    HandCase("signatures", "others beside", _three_ways(), 3.5, parts=_parts(("a", 3))),
    # b alone for 4 USD; a and b, or b and c, would be b with nodes that save nothing
    HandCase("signatures", "instead", _three_ways(), 4.0, parts=_parts(("a", 3), ("ac", 3))),
    # b is known too: nine of c for 4.50 USD
    HandCase("signatures", "only the small ones", _three_ways(), 4.5, parts=_parts(("a", 3), ("ac", 3), ("b", 4))),
    # now only b would be left beside others, and it needs none
    HandCase("signatures", "no more", _three_ways(), None, parts=_parts(("a", 3), ("ac", 3), ("b", 4), ("c", 4.5))),
    HandCase("signatures", "required", _three_ways(), 4.0, parts=_parts(required="b")),
    # c carries one of the nine: three of a are needed all the same
    HandCase("signatures", "required and idle", _three_ways(), 3.5, parts=_parts(required="c")),
    HandCase("signatures", "forbidden", _three_ways(), 4.0, parts=_parts(forbidden="ac")),
    HandCase("signatures", "all forbidden", _three_ways(), None, parts=_parts(forbidden="abc")),
)
