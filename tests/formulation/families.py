"""One tiny integer problem per constraint family, with the rows of that family alone.

`pytest tests/formulation` compares them with `golden/<family>.lp`. To write the files anew after a wanted change:
`python tests/formulation/families.py`, then read the difference.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from builders import covering, offer_data, pool, problem, routed
from gpufleet.optimize.backends.pulp_cbc import write_lp
from gpufleet.optimize.formulation import (
    cost,
    demand,
    limits,
    measures,
    moves,
    node_types,
    orders,
    partitions,
    pools,
    replicas,
    restarts,
    routing,
    runs,
    scenarios,
    signatures,
    site_loss,
    spare_nodes,
    spot,
    unserved,
    workload_budget,
)
from gpufleet.optimize.formulation.linear_model import LinearModel
from gpufleet.optimize.formulation.variables import add_variables
from gpufleet.problem.costs import Bill
from gpufleet.problem.data import (
    ChargeRow,
    FoundFleet,
    LimitRow,
    MeasureData,
    MoveData,
    NodeGroup,
    Pool,
    ScenarioData,
    ScenarioLimit,
    ScenarioPart,
    Signatures,
    UseGroup,
)
from gpufleet.problem.scaling import SHARE_UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

    AddRows = Callable[[LinearModel, Problem, FleetVariables], None]

GOLDEN = Path(__file__).with_name("golden")

TWO_OFFERS = (offer_data(cost=30, most=4, name="a"), offer_data(cost=70, most=2, on=1, name="b"))
TWO_POOLS = (pool(2, "n2"), pool(4, "n4"))
COVERING = covering(20, [(0, 1, 3), (0, 2, 7), (1, 4, 15)])


def _limit(family: str, *weights: int, most: int) -> Problem:
    row = LimitRow(family, f"{family} of here", tuple(enumerate(weights)), most)
    return problem([COVERING], TWO_OFFERS, TWO_POOLS, [row])


def _asked() -> Problem:
    """Two workloads, and one of which a part may stay unserved."""
    partly = replace(COVERING, name="u", unserved_units=SHARE_UNITS)
    return problem([COVERING, covering(5, [(0, 1, 5)], "v"), partly], TWO_OFFERS, TWO_POOLS)


def _routed() -> Problem:
    """Two classes; the second option cannot serve the second class. The same where demand may stay unserved."""
    first = routed([(0, 1, 20160, (1, 2)), (1, 4, 5040, (1, None))])
    return problem([first, replace(first, name="v", unserved_units=SHARE_UNITS)], TWO_OFFERS, TWO_POOLS)


def _bounded() -> Problem:
    """A lower and an upper bound, a lower one alone, a workload without bounds, which gets no row, and one that may be
    left out altogether."""
    both = covering(20, [(0, 1, 3), (1, 4, 15)], min_replicas=2, max_replicas=5)
    least = covering(9, [(0, 2, 7)], "v", min_replicas=2)
    none = replace(both, name="x", unserved_units=SHARE_UNITS)
    return problem([both, least, covering(5, [(0, 1, 5)], "u"), none], TWO_OFFERS, TWO_POOLS)


def _tiers() -> Problem:
    """An offer with two price tiers, one with a minimum order alone, and one without either, which gets no row."""
    tiers = (offer_data(30, 4, name="a", least=1), offer_data(25, 9, name="a", least=5, tier=1))
    return problem([COVERING], (*tiers, offer_data(70, 6, 1, "b", least=2), offer_data(80, 6, 1, "c")), TWO_POOLS)


def _night_and_day() -> Problem:
    """A run with one option in the first period and two in the second, beside a workload that is no run; a run that
    loses something at a start in the second; and one that may be left undone."""
    night = covering(12, [(0, 2, 5)], "r", run="r")
    day = covering(12, [(0, 2, 9), (1, 4, 12)], "r", run="r", period=1)
    started = [covering(12, [(0, 2, 7)], "s", run="s", period=t) for t in range(2)]
    undone = [covering(12, [(0, 2, 7)], "d", run="d", period=t, unserved_units=1) for t in range(2)]
    started[1] = replace(started[1], options=(replace(started[1].options[0], restart=3),))
    return problem([night, day, COVERING, *started, *undone], TWO_OFFERS, TWO_POOLS, periods=2)


def _restarted() -> Problem:
    """A run over three periods: one option loses something at a start in two of them; the other one is not there first,
    and what a start takes of the last period is all that there is."""
    night = covering(12, [(0, 2, 5)], "r", run="r")
    day = covering(12, [(0, 2, 9), (1, 4, 12)], "r", run="r", period=1)
    dusk = covering(12, [(0, 2, 2), (1, 4, 3)], "r", run="r", period=2)
    lost = {0: (1,), 1: (0, 4), 2: (2, 3)}
    parts = [
        replace(part, options=tuple(replace(o, restart=r) for o, r in zip(part.options, lost[t], strict=True)))
        for t, part in enumerate((night, day, dusk))
    ]
    return problem([*parts, COVERING], TWO_OFFERS, TWO_POOLS, periods=3)


def _left_out() -> Problem:
    """Classes of a covering and of a routed workload with minimum replicas; a training run without periods, and one
    over two, which has no row here; and a workload that must be served."""
    units = {"unserved_units": SHARE_UNITS}
    parts = [
        covering(20, [(0, 1, 3), (1, 4, 15)], min_replicas=2, **units),
        replace(routed([(0, 1, 20160, (1, 2)), (1, 4, 5040, (1, None))], "v"), min_replicas=1, **units),
        covering(1, [(0, 1, 1), (1, 4, 1)], "t", unserved_units=1),
        *(covering(12, [(0, 2, 7)], "r", run="r", period=t, unserved_units=1) for t in range(2)),
        covering(5, [(0, 1, 5)], "u", min_replicas=1),
    ]
    return problem(parts, TWO_OFFERS, TWO_POOLS, periods=2)


def _on_spot() -> Problem:
    """Covering, routed, and a run, each with options on a spot pool and elsewhere; and a workload without limit. The
    same where demand may stay unserved."""
    pools = (pool(2, "n2"), Pool("here", "n2", 2, "a"))
    both = [(0, 1, 3), (1, 1, 3)]
    work = [
        covering(20, both, spot_limit=12),
        covering(20, both, "free"),
        replace(routed([(0, 1, 20160, (1, 2)), (1, 1, 20160, (1, None))], "r"), spot_limit=5040),
        covering(12, both, "t", run="t", spot_limit=9),
        covering(12, both, "t", run="t", spot_limit=9, period=1),
    ]
    work += [replace(part, name=f"{part.name} or not", unserved_units=SHARE_UNITS) for part in (work[0], work[2])]
    work += [replace(part, name="or not", run="or not", unserved_units=1) for part in work[3:5]]
    return problem(work, TWO_OFFERS, pools, periods=2)


def _with_measures() -> Problem:
    """An option that needs one measure, one that needs both, and one that needs none."""
    work = covering(20, [(0, 1, 3), (0, 1, 6), (1, 4, 15)])
    options = [replace(option, measures=needs) for option, needs in zip(work.options, ((0,), (0, 1), ()), strict=True)]
    taken = tuple(MeasureData(name, cost, cost, Bill((), ())) for name, cost in (("m", 5), ("n", 8)))
    return replace(problem([replace(work, options=tuple(options))], TWO_OFFERS, TWO_POOLS), measures=taken)


def _spare() -> Problem:
    """One workload asks for a spare node, one for two (on the first pool or its instances), one for none."""
    one = covering(20, [(0, 1, 3), (1, 4, 15)], spare_nodes=1)
    two = covering(9, [(0, 2, 7), (2, 1, 1)], "v", spare_nodes=2)
    cut = Pool("here", "n2-cut", 14, partition_of=0)
    return problem([one, two, covering(5, [(0, 1, 5)], "u")], TWO_OFFERS, (*TWO_POOLS, cut))


def _two_sites() -> Problem:
    """A covering and a routed workload that must survive the loss of `here` or `there`, one that need not, and the
    same where demand may stay unserved."""
    both = covering(20, [(0, 1, 3), (0, 2, 7), (1, 4, 15)], survives_site_loss=True)
    classes = replace(routed([(0, 1, 20160, (1, 2)), (1, 4, 5040, (1, None))], "v"), survives_site_loss=True)
    pools_ = (pool(2, "n2"), Pool("there", "n4", 4))
    partly = [replace(part, name=f"{part.name} or not", unserved_units=SHARE_UNITS) for part in (both, classes)]
    return problem([both, classes, covering(5, [(0, 1, 5)], "u"), *partly], TWO_OFFERS, pools_)


def _charged() -> Problem:
    """Two caps on the first workload, one on the second over both of its periods."""
    parts = [COVERING, covering(5, [(0, 1, 5)], "v"), covering(9, [(0, 1, 5)], "v", period=1)]
    rows = [
        ChargeRow("w", "usd_per_day", ((0, 0, 10), (0, 1, 20), (0, 2, 70)), 100),
        ChargeRow("w", "horizon_usd", ((0, 0, 10), (0, 1, 20), (0, 2, 70)), 2000),
        ChargeRow("v", "horizon_usd", ((1, 0, 10), (2, 0, 15)), 40),
    ]
    return replace(problem(parts, TWO_OFFERS, TWO_POOLS, periods=2), charges=tuple(rows))


def _sliced() -> Problem:
    """Nodes of 2 accelerators that can run as 14 instances, over two periods; the second period uses instances only."""
    cut = Pool("here", "n2-cut", 14, partition_of=0)
    first = covering(20, [(0, 1, 3), (1, 4, 15), (2, 1, 1)])
    second = covering(9, [(2, 1, 1)], period=1)
    return problem([first, second], TWO_OFFERS, (*TWO_POOLS, cut), periods=2)


def _told_apart() -> Problem:
    """Three parts, the second of two offers; a fleet of the first alone is known, and one of the first two; a measure
    counts as cost, and an owned node in no part too. The third part is forbidden, the second required."""
    offers = (*TWO_OFFERS, offer_data(60, 3, 1, "c"), offer_data(20, 5, 0, "d"), offer_data(4, 2, 0, "owned"))
    known = (FoundFleet((0,), 120), FoundFleet((0, 1), 130))
    asked = Signatures(((0,), (1, 2), (3,)), known, required=(1,), forbidden=(2,))
    taken = (MeasureData("m", 5, 5, Bill((), ())),)
    return replace(problem([COVERING], offers, TWO_POOLS), signatures=asked, measures=taken)


def _moved() -> Problem:
    """Today: three nodes of offer a, and one that is no longer offered; the workload has four accelerators of the first
    pool, in two periods."""
    parts = [COVERING, covering(9, [(0, 1, 5)], period=1)]
    nodes = (NodeGroup("a", 3, (0,)), NodeGroup("b", 0, (1,)), NodeGroup("gone", 1, ()))
    uses = (UseGroup("w", 0, 4, (((0, 0), (0, 1)), ((1, 0),))), UseGroup("w", 1, 0, (((0, 2),),)))
    return replace(problem(parts, TWO_OFFERS, TWO_POOLS, periods=2), moves=MoveData(200, 5, nodes, uses))


def _scenarios() -> Problem:
    """A covering and a routed workload and a run; two scenarios, one of which must be met; nodes 0 and 2 of the first
    pool are down in it. A limit of none violated shows its row."""
    run = covering(1, [(1, 4, 1)], "run")
    parts = [covering(20, [(0, 1, 3), (1, 4, 15)]), routed([(0, 2, 50_400, (5, 10))], "v"), run]
    first = (
        ScenarioPart(0, 30, (2, 0), ((), ()), (15, 0)),
        ScenarioPart(1, SHARE_UNITS, (40_000,), ((7, None),), (2,)),
        ScenarioPart(2, 1, (1,), ((),), (1,)),
    )
    second = (ScenarioPart(0, 25, (3, 14), ((), ()), (9, 2)),)
    scenarios = (ScenarioData(0, 0, first, ((0, (0, 2)),), False), ScenarioData(4, 0, second, (), True))
    return replace(problem(parts, TWO_OFFERS, TWO_POOLS), robust=ScenarioLimit(scenarios, 0))


FAMILIES: dict[str, tuple[AddRows, Problem]] = {
    "demand": (demand.add_rows, _asked()),
    "routing": (routing.add_rows, _routed()),
    "runs": (runs.add_rows, _night_and_day()),
    "restarts": (restarts.add_rows, _restarted()),
    "pools": (pools.add_rows, problem([COVERING], (*TWO_OFFERS, offer_data(25, 3, 0, "c")), TWO_POOLS)),
    "spot": (spot.add_rows, _on_spot()),
    "measures": (measures.add_rows, _with_measures()),
    "partitions": (partitions.add_rows, _sliced()),
    "replicas": (replicas.add_rows, _bounded()),
    "budget": (limits.add_rows, _limit("budget", 30, 70, most=200)),
    "power": (limits.add_rows, _limit("power", 800, 3000, most=5000)),
    "rack": (limits.add_rows, _limit("rack", 2000, 8000, most=12000)),
    "stock": (limits.add_rows, _limit("stock", 1, 1, most=3)),
    "quota": (limits.add_rows, _limit("quota", 2, 4, most=6)),
    "share": (limits.add_rows, _limit("share", 1, -4, most=0)),
    "orders": (orders.add_rows, _tiers()),
    "node_types": (node_types.add_rows, problem([COVERING], TWO_OFFERS, TWO_POOLS, max_node_types=1)),
    "signatures": (signatures.add_rows, _told_apart()),
    "moves": (moves.add_rows, _moved()),
    "scenarios": (scenarios.add_rows, _scenarios()),
    "spare_nodes": (spare_nodes.add_rows, _spare()),
    "site_loss": (site_loss.add_rows, _two_sites()),
    "unserved": (unserved.add_rows, _left_out()),
    "workload_budget": (workload_budget.add_rows, _charged()),
    "cost": (cost.set_objective, problem([COVERING], (*TWO_OFFERS, offer_data(0, 3, 0, "owned")), TWO_POOLS)),
}
"""Family to what adds its rows, and the problem to add them for."""


def write(family: str, path: Path) -> None:
    """The LP of one family."""
    add_rows, data = FAMILIES[family]
    model = LinearModel()
    add_rows(model, data, add_variables(model, data))
    assert {row.family for row in model.rows} <= {family}
    write_lp(model, path)


if __name__ == "__main__":
    for name in FAMILIES:
        write(name, GOLDEN / f"{name}.lp")
