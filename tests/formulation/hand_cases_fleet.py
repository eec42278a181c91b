"""Hand cases of scenarios, moves, demand, routing, pools, partitions, limits and fleet rules."""

from __future__ import annotations

from hand_questions import (
    APART,
    BARE,
    BOTH,
    BOTH_WAYS,
    EVEN,
    FOUR,
    MIDDLE,
    ONE,
    SINGLE,
    SMALL,
    HandCase,
    asked_for,
    day_of,
    moved_from,
    only_a,
    reserved,
    scenes,
    sliced,
    sliced_day,
    stepped,
    two_kinds,
)

from builders import accelerator, instance, node, offer, option, profiled, site
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Quota

FLEET_CASES = (
    # 6 requests/s take two single nodes, 12 of them four: or one of 4, which carries 13, for 3.50
    HandCase("scenarios", "twice the demand", asked_for(6.0), 3.5, scenarios=scenes(2.0)),
    HandCase("scenarios", "all may be violated", asked_for(6.0), 2.0, scenarios=scenes(2.0, violated=3)),
    HandCase("scenarios", "one of three may be", asked_for(6.0), 3.5, scenarios=scenes(2.0, violated=1)),
    HandCase("scenarios", "no node is ever up", asked_for(6.0), None, scenarios=scenes(1.0, 0.0)),
    HandCase("scenarios", "too few nodes", asked_for(6.0, (offer(stock=3),)), None, scenarios=scenes(2.0)),
    # classes a and b take 1/2 of a replica each: twice of both take two
    HandCase("scenarios", "two classes", instance([profiled([BOTH_WAYS], EVEN)], BOTH), 2.0, scenarios=scenes(2.0)),
    # 20 requests/s cost 6.50 from nothing: a node of 4 and three single ones; today two nodes of 4 for 7 stand there
    HandCase("moves", "changes for nothing", asked_for(20.0, migration=moved_from({"o4": 2}, 0.0)), 6.5),
    # 0.5 is saved, and 1 + 3 nodes change: 0.12 each is 0.48, 0.13 each 0.52
    HandCase("moves", "changes pay", asked_for(20.0, migration=moved_from({"o4": 2}, 0.12)), 6.98, moves_usd=0.48),
    HandCase("moves", "changes do not pay", asked_for(20.0, migration=moved_from({"o4": 2}, 0.13)), 7.0),
    # five nodes of 4 are three too many: 3.50 each is saved by giving one up for 3, nothing for 4
    HandCase("moves", "nodes too many go", asked_for(20.0, migration=moved_from({"o4": 5}, 3.0)), 16.0, moves_usd=9.0),
    HandCase("moves", "nodes too many stay", asked_for(20.0, migration=moved_from({"o4": 5}, 4.0)), 17.5),
    # what is no longer offered goes whatever it costs, and everything else comes
    HandCase(
        "moves", "no longer offered", asked_for(3.0, migration=moved_from({"old": 2}, 10.0)), 31.0, moves_usd=30.0
    ),
    # the node of 4 is there, but w has to be set up on its four accelerators, for 0.1 each
    HandCase(
        "moves", "accelerators", asked_for(13.0, migration=moved_from({"o4": 1}, 0.0, each=0.1)), 3.9, moves_usd=0.4
    ),
    HandCase("moves", "accelerators of today", asked_for(13.0, migration=moved_from({"o4": 1}, 0.0, 4, 9.0)), 3.5),
    HandCase("moves", "too few nodes", asked_for(16.0, (offer(stock=5),), migration=moved_from({"o1": 5}, 1.0)), None),
    # 20 requests/s: 13 + 3 + 3 = 19 is too little, 13 + 3 x 3 = 22 costs 3.50 + 3 = 6.50; 2 x 13 costs 7; 7 x 3 costs 7
    HandCase("demand", "mixed fleet", asked_for(20.0), 6.5),
    # 3.0 requests/s fill one replica exactly; 3.1 do not fit on it
    HandCase("demand", "exactly full", asked_for(3.0), 1.0),
    HandCase("demand", "just too much", asked_for(3.1), 2.0),
    # at 90 % utilisation one replica carries 2.7 of the 3.0
    HandCase("demand", "utilisation", instance([profiled([ONE], 3.0, max_utilisation=0.9)], BOTH), 2.0),
    # 5 nodes carry 15 of 16 requests/s
    HandCase("demand", "not enough nodes", asked_for(16.0, (offer(stock=5),)), None),
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
    HandCase("pools", "two offers on one pool", asked_for(15.0, (offer(), offer("o", "n1", 0.5, stock=2))), 4.0),
    # 28 requests/s: 28 instances on one node; on whole accelerators at 3 each, 10 of them on 3 nodes
    HandCase("partitions", "a node in 28 instances", sliced((profiled([SINGLE, SMALL], 28.0),)), 3.5),
    # 29 requests/s: a second node, as anything
    HandCase("partitions", "one instance too few", sliced((profiled([SINGLE, SMALL], 29.0),)), 7.0),
    # the whole node is needed by one workload, 5 instances by another: a node runs as one thing
    HandCase("partitions", "two nodes run differently", sliced(APART), 7.0),
    HandCase("partitions", "one node cannot run as both", sliced(APART, (offer("o4", "n4", 3.5, stock=1),)), None),
    # 3 kinds of use: 8 x 4 requests/s on one node in 8, 28 on another in 28, 13 on a whole one
    HandCase("partitions", "two partitions and the base", sliced((*APART, profiled([MIDDLE], 32.0, "m"))), 10.5),
    # the instance lists the coarse one alone: 36 requests/s are 9 instances of 4, on two nodes
    HandCase(
        "partitions", "only the coarse one", sliced((profiled([SMALL, MIDDLE], 36.0),), partitions=("n4-3g",)), 7.0
    ),
    HandCase("partitions", "not listed", sliced((profiled([SMALL], 1.0),), partitions=()), None),
    # whole by day (16 h), 28 instances by night (8 h): the same reserved node for 24 x 2 USD; rented: 24 x 3.50
    HandCase("partitions", "by day and by night", sliced_day(), 48.0),
    # power, quotas and node types count the node, once: 1 kW, 4 accelerators, 1 node type
    HandCase(
        "partitions",
        "limits count nodes",
        sliced(
            (profiled([SMALL], 28.0),),
            sites=(site(power_cap_kw=1.0, rack_units=1.0, provider="P"),),
            rules=FleetRules(max_node_types=1, quotas=(Quota(provider="P", accelerator="A", accelerators=4),)),
        ),
        3.5,
    ),
    HandCase(
        "partitions",
        "a quota below one node",
        sliced(
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
        sliced(
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
    HandCase("budget", "exactly met", asked_for(12.0, budgets=Budgets(usd_per_day=84.0)), 3.5),
    HandCase("budget", "a cent too little", asked_for(12.0, budgets=Budgets(usd_per_day=83.99)), None),
    HandCase("budget", "horizon", asked_for(12.0, budgets=Budgets(horizon_usd=3.5)), 3.5),
    HandCase("budget", "horizon too little", asked_for(12.0, budgets=Budgets(horizon_usd=3.499999)), None),
    # `there` may cost 1.50 USD: one cheap node there, the other at home
    HandCase(
        "budget",
        "one site",
        asked_for(
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
        asked_for(
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
    HandCase("power", "enough", asked_for(9.0, (offer(),), sites=(site(power_cap_kw=3.0),)), 3.0),
    HandCase("power", "too little", asked_for(9.0, (offer(),), sites=(site(power_cap_kw=2.9),)), None),
    # 3 x 0.3333 kW are 0.9999 kW: watts must not be rounded up one node at a time
    HandCase(
        "power",
        "fractions of a watt",
        asked_for(9.0, (offer(),), node_types=(node(power_kw=0.3333), node("n4", 4)), sites=(site(power_cap_kw=1.0),)),
        3.0,
    ),
    HandCase("rack", "enough", asked_for(9.0, (offer(),), sites=(site(rack_units=3.0),)), 3.0),
    HandCase("rack", "too little", asked_for(9.0, (offer(),), sites=(site(rack_units=2.5),)), None),
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
        asked_for(
            14.0,
            sites=(site(provider="P"),),
            rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=4),)),
        ),
        None,
    ),
    # nodes of vendor V cost 1, of W 5; each carries 3. 9 requests/s take 3 nodes; V may be two thirds
    HandCase("share", "two thirds from one vendor", two_kinds(max_vendor_share={"V": 0.67}), 7.0),
    # V may be half at most: 1 V and 2 W = 11; with an idle node, 2 V and 2 W = 12
    HandCase("share", "half from one vendor", two_kinds(max_vendor_share={"V": 0.5}), 11.0),
    HandCase("share", "none from either vendor", two_kinds(max_vendor_share={"V": 0.0, "W": 0.0}), None),
    # a third of the fleet from CN, where W sits: 2 V + 1 W
    HandCase("share", "a third domestic", two_kinds(min_country_share={"CN": 0.33}), 7.0),
    HandCase("share", "half of one type", two_kinds(max_accelerator_share={"A": 0.5}), 11.0),
    HandCase("share", "not everything at the only site", two_kinds(max_site_share={"here": 0.99}), None),
    # 4 requests/s need 2 nodes; at least 4 must be ordered: 4 x 1, against 2 x 2.50 without a minimum
    HandCase("orders", "minimum order", asked_for(4.0, (offer("m", min_order=4), offer("n", usd_per_hour=2.5))), 4.0),
    # 6 x 1 against 2 x 2.50
    HandCase(
        "orders", "minimum too large", asked_for(4.0, (offer("m", min_order=6), offer("n", usd_per_hour=2.5))), 5.0
    ),
    HandCase("orders", "no power", asked_for(4.0, (offer(min_order=4),), sites=(site(power_cap_kw=3.0),)), None),
    # from 3 nodes on each costs 0.60: 2 needed at 1 = 2, 3 at 0.60 = 1.80
    HandCase("orders", "one more costs less", asked_for(4.0, (stepped(3, 0.4),)), 1.8),
    # from 4 on: 4 x 0.60 = 2.40 is more than 2 x 1
    HandCase("orders", "discount too far away", asked_for(4.0, (stepped(4, 0.4),)), 2.0),
    # 5 nodes: 1 or 2 cost 1 each, 3 or 4 cost 0.90, from 5 on 0.80 = 4.00
    HandCase("orders", "third tier", asked_for(15.0, (stepped(3, 0.1, 5, 0.2),)), 4.0),
    # 16 requests/s on both kinds: 3.50 + 1
    HandCase("node_types", "two allowed", asked_for(16.0, rules=FleetRules(max_node_types=2)), 4.5),
    # one kind alone: 2 x 3.50 = 7 or 6 x 1 = 6
    HandCase("node_types", "one allowed", asked_for(16.0, rules=FleetRules(max_node_types=1)), 6.0),
    # 2 single nodes and 1 node of 4 in stock: 16 requests/s need both kinds
    HandCase(
        "node_types",
        "one is not enough",
        asked_for(16.0, (offer(stock=2), offer("o4", "n4", 3.5, stock=1)), rules=FleetRules(max_node_types=1)),
        None,
    ),
    # only A can serve, and its minimum order is 50 nodes; 50 idle ones of B balance them
    HandCase("share", "idle nodes against idle nodes", only_a(0.5, offer(min_order=50), "nb"), 50 * 1.0 + 50 * 5.0),
    # one replica on A; B comes in nodes of 72 only, and neither may have more than half: 72 + 72 accelerators
    HandCase("share", "a node far too large", only_a(0.5, offer(), "nb72", B=0.5), 72 * 1.0 + 5.0),
    # night (8 h) needs 1 node, day (16 h) 4. Rented at 1 USD/h: 8 + 64 = 72; owned by the year at 0.50 USD/h: 12 each
    HandCase("demand", "rented by the hour", day_of((offer(),)), 72.0),
    # all four reserved: 48. One reserved, three rented by day: 12 + 48 = 60
    HandCase("demand", "reserved for the peak", day_of((offer(), reserved(0.5))), 48.0),
    # at 0.90 USD/h a reserved node costs 21.60 a day, a node rented by day 16: one reserved, three rented = 69.60
    HandCase("demand", "base and burst", day_of((offer(), reserved(0.9))), 69.6),
    # the stock of rented nodes holds in each period: 3 by day, and the fourth must be reserved
    HandCase("demand", "burst from a small stock", day_of((offer(stock=3), reserved(0.95))), 22.8 + 48.0),
    HandCase("demand", "peak above all stock", day_of((offer(stock=3),)), None),
    # no demand at all by night: 4 rented by day, or none by night for a workload that keeps 2 replicas: 16 more
    HandCase("demand", "nights off", day_of((offer(),), {"night": 0.0}), 64.0),
    HandCase("replicas", "kept warm by night", day_of((offer(),), {"night": 0.0}, min_replicas=2), 80.0),
    # 3 kW by day are too little for 4 nodes
    HandCase("power", "too little by day", day_of((offer(),), sites=(site(power_cap_kw=3.0),)), None),
)
