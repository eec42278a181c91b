"""Hand cases of periods, stages, runs, spot nodes, measures, redundancy, budgets of workloads and unserved demand."""

from __future__ import annotations

from hand_questions import (
    APART,
    BOTH,
    EIGHT,
    ONE,
    QUARTERS,
    SMALL,
    HandCase,
    asked_for,
    bought,
    budgets_of,
    by_stage,
    capped,
    cheaper,
    class_at_one_site,
    day_of,
    faster,
    first_and_second,
    improved,
    measure_of,
    on_spot,
    part_rules,
    redundant,
    reserved,
    served_first,
    short,
    side_by_side,
    sliced,
    spot_offer,
    spread,
    three_ways,
    trained,
    two_sites_day,
    two_terms,
    uneven,
    years_of,
)

from builders import edited, instance, offer, option, profiled
from gpufleet.schema.instance import Budgets, FleetRules
from gpufleet.schema.workloads import Redundancy

SERVICE_CASES = (
    # the run takes 0.45 of its deadline: the day (2/3 of the time) is enough, 16 x 1
    HandCase("runs", "by day", trained(0.45), 16.0),
    # 0.3 of its deadline: the night alone will do, 8 x 1
    HandCase("runs", "by night", trained(0.3), 8.0),
    # 0.9 of its deadline: day and night
    HandCase("runs", "round the clock", trained(0.9), 24.0),
    # at half speed on spot nodes it takes 0.9: day and night for 24 x 0.25; a replica over two of them never gets on
    HandCase("runs", "on spot nodes", trained(0.45, offers=(offer(), spot_offer())), 6.0),
    # by day it serves 9 requests/s on 3 nodes, by night on 1; a reserved fleet of 3 has 2 idle by night for the run
    HandCase("runs", "on idle nodes", trained(0.3, 9.0, (reserved(0.5),)), 36.0),
    # one node for both years, a second one for the last: 3 node-years at 2,190 USD
    HandCase("pools", "bought when needed", years_of(3.0, bought()), 6570.0),
    # 8,760 - 4,380/1.21 = 5,140.165289; and (8,760 - 6,570/1.1)/1.1 = 2,533.884298
    HandCase("pools", "discounted", years_of(3.0, bought(), discount_rate_per_year=0.1), 7674.049587),
    # half price in the second year: sell at 6,570 after one year (2,190), and buy two that lose 1,095 each
    HandCase("pools", "half price later", years_of(3.0, bought(), trends=cheaper(-0.5)), 2190.0 + 2 * 1095.0),
    # a sale brings half of that: 8,760 - 3,285 = 5,475 for the first year is too dear; keep it for 4,380
    HandCase("pools", "early sale", years_of(3.0, bought(resale_fraction=0.5), trends=cheaper(-0.5)), 4380.0 + 1095.0),
    # 2.5 times as dear in a year, 5,475 USD for it: both are bought at once, and one stands idle for a year
    HandCase("pools", "bought ahead", years_of(3.0, bought(), trends=cheaper(1.5)), 4 * 2190.0),
    # an old node loses 500 USD a year, and is gone after one; then two nodes rented for 8,760 hours each
    HandCase(
        "pools",
        "retired",
        years_of(3.0, offer("v", usd_per_hour=None, term="owned", stock=1, resale_usd=500.0, life_years=1.0), offer()),
        500.0 + 2 * 8760.0,
    ),
    # one year: 8,760; three years at half price, of which two count: 8,760, and one: 4,380
    HandCase("pools", "reserved within the horizon", years_of(3.0, *two_terms()), 8760.0 + 4380.0),
    # the whole terms count: three years for 13,140, and one year for 8,760
    HandCase(
        "pools", "reserved for the whole term", years_of(3.0, *two_terms(), commitments="term"), 13_140.0 + 8760.0
    ),
    # for a stage of a year and a half the reservation is renewed once: two years, though nobody asks in the last half
    HandCase("pools", "renewed in full", years_of(3.0, two_terms()[0], stages=uneven(0.0)), 2 * 8760.0),
    # and for the same two years when somebody does, at the price of the start
    HandCase(
        "pools",
        "renewed into the next stage",
        years_of(1.0, two_terms()[0], stages=uneven(1.0), trends=cheaper(1.0)),
        2 * 8760.0,
    ),
    # 2 requests/s grow by 2^(3/4) to 3.36 in the last quarter: a second node from then on, for a quarter or a year
    HandCase("pools", "quarters", years_of(2.0, two_terms()[0], stages=QUARTERS), 8760.0 + 2190.0),
    HandCase(
        "pools", "quarters in full", years_of(2.0, two_terms()[0], stages=QUARTERS, commitments="term"), 2 * 8760.0
    ),
    # one node of 2,190 a year in stock; the second one of year two is rented
    HandCase("stock", "one to buy", years_of(3.0, bought(stock=1), offer()), 2 * 2190.0 + 8760.0),
    HandCase("stock", "nothing else to be had", years_of(3.0, bought(stock=1)), None),
    # 17,520 USD of purchases in all are allowed, but only 8,760 in each year
    HandCase("budget", "capex by the year", years_of(3.0, bought(), budgets=by_stage(8760.0, 8760.0)), 6570.0),
    HandCase("budget", "no capex in year two", years_of(3.0, bought(), budgets=by_stage(17520.0, 0.0)), 8760.0),
    HandCase("budget", "too little in year one", years_of(3.0, bought(), budgets=by_stage(8000.0, 17520.0)), None),
    # orders in either year have 2 nodes at least: 2 in year one for both
    HandCase("orders", "one order for all years", years_of(3.0, bought(min_order=2)), 4 * 2190.0),
    # software makes nodes twice as fast in a year, so that one does for both years
    HandCase("demand", "faster software", years_of(3.0, bought(), trends=faster(1.0)), 4380.0),
    # half of the time is lost: 9 requests/s take 6 spot nodes of 1.5 each, 1.50 USD, instead of 3 for 3 USD
    HandCase("spot", "cheap enough", on_spot(9.0, offers=(spot_offer(),)), 1.5),
    # at 0.60 USD they cost more than they save
    HandCase("spot", "not cheap enough", on_spot(9.0, offers=(spot_offer(0.6),)), 3.0),
    # 2/3 must be served without them: 2 nodes and 2 spot nodes
    HandCase("spot", "a third", on_spot(9.0, 0.34, (spot_offer(),)), 2.5),
    HandCase("spot", "never", on_spot(9.0, 0.0, (spot_offer(),)), 3.0),
    # a replica over two nodes is interrupted twice as often: 1/4 lost on each leaves 1/2 of 5 requests/s
    HandCase(
        "spot",
        "over two nodes",
        instance([profiled([option("two", accelerators=2, rates={"all": 5.0})], 5.0)], (spot_offer(1.0, 182.5),)),
        4.0,
    ),
    # two classes that each fill a node; half of each may be on spot nodes: one node, and one spot node if never lost
    HandCase(
        "spot",
        "half of each class",
        instance(
            [profiled([option("k", rates={"a": 3.0, "b": 3.0})], {"a": 3.0, "b": 3.0}, max_spot_share=0.5)],
            (offer(), spot_offer(0.25, 0.0)),
        ),
        1.25,
    ),
    HandCase("spot", "no other nodes", instance([profiled([ONE], 9.0, max_spot_share=0.5)], (spot_offer(),)), None),
    # at most a quarter of all accelerators: 3 nodes and none, or 3 and 1
    HandCase(
        "share", "a quarter on spot", on_spot(10.0, offers=(spot_offer(),), rules=FleetRules(max_spot_share=0.25)), 3.25
    ),
    # 12 requests/s take 4 nodes, or 2 with twice the throughput
    HandCase("measures", "pays", improved(12.0, measure_of(1.5, throughput_factor=2.0)), 3.5),
    HandCase("measures", "does not pay", improved(12.0, measure_of(2.5, throughput_factor=2.0)), 4.0),
    # both together: 3 x 2 x 2 = 12 on one node, 1 + 1.40 + 1.40 = 3.80; one alone 2 + 1.40 = 3.40
    HandCase(
        "measures",
        "one of two",
        improved(12.0, *(measure_of(1.4, throughput_factor=2.0, name=name) for name in "mn")),
        3.4,
    ),
    # a fifth of its life falls into the horizon: 7.50 / 5
    HandCase(
        "measures", "written off", improved(12.0, measure_of(7.5, throughput_factor=2.0, life_years=5 / 8760)), 3.5
    ),
    # `quick` serves 12 on one node, but only after a fine-tune for 2 USD
    HandCase(
        "measures",
        "unlocks",
        improved(12.0, measure_of(2.0, unlocks=("quick",)), options=(ONE, option("quick", rates={"all": 12.0}))),
        3.0,
    ),
    # 10 nodes carry 30; the measure would let them carry 60, but costs more than the budget leaves
    HandCase(
        "measures",
        "too dear for the budget",
        improved(40.0, measure_of(5.0, throughput_factor=2.0), budgets=Budgets(horizon_usd=11.0)),
        None,
    ),
    # purchase prices and measures are capped together
    HandCase(
        "budget",
        "no money for a measure",
        improved(12.0, measure_of(1.5, throughput_factor=2.0), budgets=Budgets(capex_usd=1.0)),
        4.0,
    ),
    HandCase("runs", "not allowed by day, too slow by night", trained(0.45, allowed=("night",)), None),
    # 0.29 of its deadline: a night does 1.149 of it, 1.006 after an hour that the start takes
    HandCase("restarts", "the night will still do", trained(0.29, restart_minutes=60.0), 8.0),
    # 0.977 after 72 minutes; by day 2.299 x (1 - 72/960)
    HandCase("restarts", "the night is too short", trained(0.29, restart_minutes=72.0), 16.0),
    # the night is eight hours apart from each other, 10 minutes lost in each: 1.149 x 40/48
    HandCase("restarts", "every hour anew", trained(0.29, restart_minutes=10.0, occurrences=(8, 16)), 16.0),
    # day and night on the same node: nothing starts, so nothing is lost
    HandCase("restarts", "never stops", trained(0.99, restart_minutes=600.0), 24.0),
    # by day alone 1.010 of it, less an hour of 16
    HandCase("restarts", "the day is too short", trained(0.66, allowed=("day",), restart_minutes=60.0), None),
    HandCase("restarts", "nothing is left of it", trained(0.1, allowed=("night",), restart_minutes=600.0), None),
    # all of it by day on spot nodes would cost 4. Half must be done elsewhere: by night 0.556 of it, but 0.486 after
    # the start, so not by night and on spot nodes by day (8 + 4), but by day
    HandCase(
        "restarts",
        "half of it off spot nodes",
        trained(0.6, offers=(offer(), spot_offer(0.25, 0.0)), restart_minutes=60.0, max_spot_share=0.5),
        16.0,
    ),
    # 30 requests/s on instances take 2 nodes of 28, and a third for 3.50 USD that may fail
    HandCase(
        "spare_nodes",
        "a spare node for instances",
        sliced((profiled([SMALL], 30.0, redundancy=Redundancy(spare_nodes=1)),)),
        3 * 3.5,
    ),
    # a whole node and one of instances; the one that may fail takes the place of either
    HandCase(
        "spare_nodes",
        "one spare node for both",
        sliced(tuple(edited(work, redundancy=Redundancy(spare_nodes=1)) for work in APART)),
        3 * 3.5,
    ),
    # 2 replicas on 2 nodes of 1 USD; with one spare node 3, with two 4
    HandCase("spare_nodes", "one spare node", redundant(6.0, (offer(),), spare_nodes=1), 3.0),
    HandCase("spare_nodes", "two spare nodes", redundant(6.0, (offer(),), spare_nodes=2), 4.0),
    HandCase("spare_nodes", "too few nodes in stock", redundant(6.0, (offer(stock=2),), spare_nodes=1), None),
    # 13 requests/s: one node of 4 for 3.50 takes another one = 7; five single nodes take one more = 6
    HandCase("spare_nodes", "small nodes are cheaper to spare", redundant(13.0, BOTH, spare_nodes=1), 6.0),
    # two workloads of 2 replicas each share the spare node: 5, not 6
    HandCase("spare_nodes", "shared by two workloads", side_by_side(1, 1), 5.0),
    # the second workload gives way: its 2 nodes are the spare ones
    HandCase("spare_nodes", "others give way", side_by_side(2, 0), 4.0),
    # both after one failure: 4 + 1; the first alone after four: 2 + 4 = 6
    HandCase("spare_nodes", "two levels, the higher one decides", side_by_side(4, 1), 6.0),
    # both after one failure: 4 + 1; the first alone after two: 2 + 2 = 4
    HandCase("spare_nodes", "two levels, the lower one decides", side_by_side(2, 1), 5.0),
    # a replica over two nodes of 4, and a third node: 3 x 3.50
    HandCase(
        "spare_nodes",
        "a replica over two nodes",
        instance([profiled([EIGHT], 5.0, redundancy=Redundancy(spare_nodes=1))], BOTH),
        10.5,
    ),
    # night (8 h) 1 + 1 nodes, day (16 h) 4 + 1: 16 + 80
    HandCase("spare_nodes", "by night and by day", day_of((offer(),), redundancy=Redundancy(spare_nodes=1)), 96.0),
    # a run of 0.3 of its deadline goes by night (8 h) on one node, and keeps another one in reserve
    HandCase("spare_nodes", "room to restart a run", trained(0.3, spare_nodes=1), 16.0),
    # 6 requests/s on 2 nodes, at 1 USD here and 3 USD there: all of it at both, 2 + 6
    HandCase("site_loss", "twice the replicas", spread(6.0, 1.0, 3.0), 8.0),
    # at three sites for 1 USD each: without any one of them 2 replicas are left, so 3 are enough
    HandCase("site_loss", "three sites share the reserve", spread(6.0, 1.0, 1.0, 1.0), 3.0),
    # the third one at 4 USD is dearer than a second node at both others
    HandCase("site_loss", "the third site is too dear", spread(6.0, 1.0, 1.0, 4.0), 4.0),
    HandCase("site_loss", "the only site", spread(6.0, 1.0), None),
    HandCase("site_loss", "a second site without nodes", spread(6.0, 1.0, 1.0, stock=1), None),
    # classes a and b take 1/2 of a replica each: one whole replica at both sites
    HandCase("site_loss", "two classes", spread({"a": 3.0, "b": 3.0}, 1.0, 2.0), 3.0),
    # 2/3 of a replica each: 4/3 must be left after any loss. Three sites: 1 + 1 + 1, any two of which carry 2
    HandCase("site_loss", "two classes over three sites", spread({"a": 4.0, "b": 4.0}, 1.0, 1.0, 1.0), 3.0),
    # class b is served at one site only
    HandCase("site_loss", "a class at one site only", class_at_one_site(), None),
    # by night one replica at each of two sites, by day four: 8 x 2 + 16 x 8
    HandCase("site_loss", "by night and by day", two_sites_day(), 144.0),
    # 6 requests/s on 2 single nodes: 2 USD are charged
    HandCase("workload_budget", "exactly met", capped(6.0, (offer(),), horizon_usd=2.0), 2.0),
    HandCase("workload_budget", "a cent too little", capped(6.0, (offer(),), horizon_usd=1.99), None),
    HandCase("workload_budget", "per day", capped(6.0, (offer(),), usd_per_day=48.0), 2.0),
    HandCase("workload_budget", "per day, a cent too little", capped(6.0, (offer(),), usd_per_day=47.99), None),
    # one of four accelerators of a node for 3.50 is charged 0.875, and the idle ones are charged to nobody
    HandCase("workload_budget", "idle accelerators are free", capped(3.0, (BOTH[1],), horizon_usd=0.875), 3.5),
    HandCase("workload_budget", "an accelerator is not", capped(3.0, (BOTH[1],), horizon_usd=0.874999), None),
    # the second offer of the pool is dearer, so every accelerator of it is charged 5 USD, also those from the first
    HandCase(
        "workload_budget", "at the dearest price", capped(6.0, (offer(), offer("d", "n1", 5.0)), horizon_usd=9), None
    ),
    # 9 requests/s: 3 single nodes for 3 USD, or 3 of the 4 accelerators of a node for 3.50, charged 2.625
    HandCase("workload_budget", "the fleet is dearer, the charge is not", capped(9.0, horizon_usd=2.9), 3.5),
    # night 1 node of 8 h, day 4 of 16 h: 72
    HandCase("workload_budget", "over periods", day_of((offer(),), budgets=budgets_of(horizon_usd=72.0)), 72.0),
    HandCase(
        "workload_budget", "over periods, too little", day_of((offer(),), budgets=budgets_of(horizon_usd=71.99)), None
    ),
    # 5 nodes: 3 for the first, and 2 of the 3 that the second asks for
    HandCase("unserved", "too few nodes", first_and_second(), 5.0, (0.0, 1 / 3)),
    HandCase("unserved", "not allowed", first_and_second(allow_unserved=False), None),
    HandCase("unserved", "enough nodes", first_and_second(6.0), 4.0, (0.0, 0.0)),
    HandCase("unserved", "a small budget", first_and_second(budgets=Budgets(horizon_usd=2.0)), 2.0, (1 / 3, 1.0)),
    HandCase("unserved", "no money", first_and_second(budgets=Budgets(horizon_usd=0.5)), 0.0, (1.0, 1.0)),
    # the tenth of 10 requests/s that 3 nodes leave unserved is on the grid of 1/10,080
    HandCase("unserved", "a tenth", short(asked_for(10.0, (offer(stock=3),))), 3.0, (0.1,)),
    # equal priority: 3 nodes carry one and a half workloads; the one that counts double is served in full
    HandCase(
        "unserved",
        "by weight",
        short(instance([profiled([ONE], 6.0, "v"), profiled([ONE], 6.0, unserved_weight=2.0)], (offer(stock=3),))),
        3.0,
        (0.5,),
    ),
    # nobody serves class b, which is half of the requests
    HandCase(
        "unserved",
        "a class that nobody serves",
        short(instance([profiled([option("k", rates={"a": 6.0})], {"a": 1.0, "b": 1.0})], BOTH)),
        1.0,
        (0.5,),
    ),
    HandCase("unserved", "no nodes at all", short(asked_for(3.0, (offer("o8", "n8"),))), 0.0, (1.0,)),
    # 2 nodes are no 3 replicas: all or nothing
    HandCase(
        "unserved",
        "too few for the minimum",
        short(instance([profiled([ONE], 9.0, min_replicas=3)], (offer(stock=2),))),
        0.0,
        (1.0,),
    ),
    HandCase(
        "unserved",
        "the minimum is kept",
        short(instance([profiled([ONE], 12.0, min_replicas=2)], (offer(stock=2),))),
        2.0,
        (0.5,),
    ),
    # one node elsewhere, and as much again on spot nodes: 6 of 9 requests/s
    HandCase(
        "unserved",
        "half of what is served on spot nodes",
        short(
            instance([profiled([ONE], 9.0, max_spot_share=0.5)], (offer(stock=1), spot_offer(0.25, 0.0))),
        ),
        1.25,
        (1 / 3,),
    ),
    # one replica at each of two sites: after the loss of either 3 of 6 requests/s are left, so 3 are served at all
    HandCase("unserved", "what survives a site", short(spread(6.0, 1.0, 1.0, stock=1)), 2.0, (0.5,)),
    # one replica (6 of a or b) is left of two, where 4/3 are asked for: 1/3 of 8 requests/s are not served
    HandCase(
        "unserved",
        "two classes survive a site",
        short(spread({"a": 4.0, "b": 4.0}, 1.0, 1.0, stock=1)),
        2.0,
        (0.25,),
    ),
    # a run of 0.9 of its deadline would take 24 USD; it is done or not
    HandCase("unserved", "no half run", short(trained(0.9), budgets=Budgets(horizon_usd=23.0)), 0.0, (1.0,)),
    HandCase("unserved", "a whole run", short(trained(0.9), budgets=Budgets(horizon_usd=24.0)), 24.0, (0.0,)),
    # 3 nodes: 9 requests/s by day (16 h), 3 by night (8 h), and a run all day. Of 168 thousand requests 48 give way to
    # the run: 2 + 1 nodes by day, 1 + 1 by night
    HandCase("unserved", "the run is worth more", short(trained(0.9, 9.0, (offer(stock=3),))), 64.0, (48 / 168,)),
    # served first: 3 nodes by day, 1 by night; the run is not done, although nodes are idle by night
    HandCase("unserved", "served before trained", served_first(trained(0.9, 9.0, (offer(stock=3),))), 56.0, (0.0, 1.0)),
    # three of a are cheapest; with c beside them they save nothing, but two of a and three of c do: 3.50 USD
    HandCase("signatures", "others beside", three_ways(), 3.5, parts=part_rules(("a", 3))),
    # b alone for 4 USD; a and b, or b and c, would be b with nodes that save nothing
    HandCase("signatures", "instead", three_ways(), 4.0, parts=part_rules(("a", 3), ("ac", 3))),
    # b is known too: nine of c for 4.50 USD
    HandCase("signatures", "only the small ones", three_ways(), 4.5, parts=part_rules(("a", 3), ("ac", 3), ("b", 4))),
    # now only b would be left beside others, and it needs none
    HandCase("signatures", "no more", three_ways(), None, parts=part_rules(("a", 3), ("ac", 3), ("b", 4), ("c", 4.5))),
    HandCase("signatures", "required", three_ways(), 4.0, parts=part_rules(required="b")),
    # c carries one of the nine: three of a are needed all the same
    HandCase("signatures", "required and idle", three_ways(), 3.5, parts=part_rules(required="c")),
    HandCase("signatures", "forbidden", three_ways(), 4.0, parts=part_rules(forbidden="ac")),
    HandCase("signatures", "all forbidden", three_ways(), None, parts=part_rules(forbidden="abc")),
)
