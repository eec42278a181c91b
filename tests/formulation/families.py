"""One tiny integer problem per constraint family, with the rows of that family alone.

`pytest tests/formulation` compares them with `golden/<family>.lp`. To write the files anew after a wanted change:
`python tests/formulation/families.py`, then read the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from builders import covering, offer_data, pool, problem, routed
from gpufleet.optimize.backends.pulp_cbc import write_lp
from gpufleet.optimize.formulation import (
    cost,
    demand,
    limits,
    node_types,
    orders,
    partitions,
    pools,
    replicas,
    routing,
    runs,
)
from gpufleet.optimize.formulation.linear_model import LinearModel
from gpufleet.optimize.formulation.variables import add_variables
from gpufleet.problem.data import LimitRow, Pool

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


def _routed() -> Problem:
    """Two classes; the second option cannot serve the second class."""
    return problem([routed([(0, 1, 20160, (1, 2)), (1, 4, 5040, (1, None))])], TWO_OFFERS, TWO_POOLS)


def _bounded() -> Problem:
    """A lower and an upper bound, a lower one alone, and a workload without bounds, which gets no row."""
    both = covering(20, [(0, 1, 3), (1, 4, 15)], min_replicas=2, max_replicas=5)
    least = covering(9, [(0, 2, 7)], "v", min_replicas=2)
    return problem([both, least, covering(5, [(0, 1, 5)], "u")], TWO_OFFERS, TWO_POOLS)


def _tiers() -> Problem:
    """An offer with two price tiers, one with a minimum order alone, and one without either, which gets no row."""
    tiers = (offer_data(30, 4, name="a", least=1), offer_data(25, 9, name="a", least=5))
    return problem([COVERING], (*tiers, offer_data(70, 6, 1, "b", least=2), offer_data(80, 6, 1, "c")), TWO_POOLS)


def _night_and_day() -> Problem:
    """A run with one option in the first period and two in the second, beside a workload that is no run."""
    night = covering(12, [(0, 2, 5)], "r", run="r")
    day = covering(12, [(0, 2, 9), (1, 4, 12)], "r", run="r", period=1)
    return problem([night, day, COVERING], TWO_OFFERS, TWO_POOLS, periods=2)


def _sliced() -> Problem:
    """Nodes of 2 accelerators that can run as 14 instances, over two periods; the second period uses instances only."""
    cut = Pool("here", "n2-cut", 14, 0)
    first = covering(20, [(0, 1, 3), (1, 4, 15), (2, 1, 1)])
    second = covering(9, [(2, 1, 1)], period=1)
    return problem([first, second], TWO_OFFERS, (*TWO_POOLS, cut), periods=2)


FAMILIES: dict[str, tuple[AddRows, Problem]] = {
    "demand": (demand.add_rows, problem([COVERING, covering(5, [(0, 1, 5)], "v")], TWO_OFFERS, TWO_POOLS)),
    "routing": (routing.add_rows, _routed()),
    "runs": (runs.add_rows, _night_and_day()),
    "pools": (pools.add_rows, problem([COVERING], (*TWO_OFFERS, offer_data(25, 3, 0, "c")), TWO_POOLS)),
    "partitions": (partitions.add_rows, _sliced()),
    "replicas": (replicas.add_rows, _bounded()),
    "budget": (limits.add_rows, _limit("budget", 30, 70, most=200)),
    "power": (limits.add_rows, _limit("power", 800, 3000, most=5000)),
    "rack": (limits.add_rows, _limit("rack", 2000, 8000, most=12000)),
    "quota": (limits.add_rows, _limit("quota", 2, 4, most=6)),
    "share": (limits.add_rows, _limit("share", 1, -4, most=0)),
    "orders": (orders.add_rows, _tiers()),
    "node_types": (node_types.add_rows, problem([COVERING], TWO_OFFERS, TWO_POOLS, max_node_types=1)),
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
