"""Covering estates: many workloads of one request class each over pools of different nodes and prices.

Every workload takes integer replicas of its options until their rates cover its demand; replicas of a pool share its
nodes; nodes cost, and each pool has a stock. The compact form below is what is generated and kept for large estates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from suite import files

if TYPE_CHECKING:
    from suite.files import Fields

NODE_SIZES = ((8, 54), (1, 24), (4, 22))
"""Accelerators per node, and how often in a hundred pools."""
REPLICA_SIZES = ((1, 64), (2, 14), (4, 12), (8, 10))
"""Accelerators per replica of a workload, and how often in a hundred workloads."""
FITS = 0.8
"""Chance that a pool whose nodes are large enough for a workload's replicas has an option for it."""


@dataclass(frozen=True)
class Pool:
    """Nodes of one kind for rent."""

    name: str
    accelerators: int
    """Accelerators per node."""
    cost: int
    """Cents per hour and node."""
    stock: int
    """Most nodes."""


@dataclass(frozen=True)
class Workload:
    """What must be served: (pool, accelerators per replica, requests/s per replica) for each option."""

    name: str
    demand: int
    """Requests/s."""
    options: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Estate:
    """Pools and the workloads that share them."""

    name: str
    pools: tuple[Pool, ...]
    workloads: tuple[Workload, ...]
    origin: str = files.ORIGIN


def generated(name: str, workloads: int, pools: int, seed: int = 1) -> Estate:
    """A random estate: accelerator prices of 1 to 22 USD an hour, demands of 100 to 100,000 requests/s, and rates in
    proportion to price up to a factor of about four. `seed` fixes every figure."""
    dice = Random(f"{seed}/covering/{workloads}/{pools}")
    made = tuple(_pool(dice, number, workloads) for number in range(pools))
    origin = f"Generated at random with seed {seed}: covering estate of {workloads} workloads over {pools} pools"
    return Estate(name, made, tuple(_workload(dice, number, made) for number in range(workloads)), origin)


def _drawn(dice: Random, weights: tuple[tuple[int, int], ...]) -> int:
    return dice.choices([size for size, _ in weights], [weight for _, weight in weights])[0]


def _pool(dice: Random, number: int, workloads: int) -> Pool:
    size = _drawn(dice, NODE_SIZES)
    cost = round(size * dice.uniform(100, 2200) * dice.uniform(0.9, 1.05))
    return Pool(f"p{number}", size, cost, dice.randint(8 * workloads, 100 * workloads))


def _workload(dice: Random, number: int, pools: tuple[Pool, ...]) -> Workload:
    size, speed = _drawn(dice, REPLICA_SIZES), dice.uniform(0.8, 1.2)
    demand = round(10 ** dice.uniform(2, 5))
    options = []
    for index, pool in enumerate(pools):
        if pool.accelerators >= size and dice.random() < FITS:
            worth = dice.uniform(0.06, 0.26) * speed * pool.cost / pool.accelerators
            options.append((index, size, max(1, round(worth * size * dice.uniform(0.85, 1.0)))))
    if not options:
        largest = max(range(len(pools)), key=lambda index: pools[index].accelerators)
        options.append((largest, pools[largest].accelerators, 100))
    return Workload(f"w{number}", demand, tuple(options))


def from_compact(fields: Fields) -> Estate:
    """An estate from its compact form (see `compact`)."""
    pools = tuple(Pool(p["name"], p["accelerators_per_node"], p["cost"], p["stock"]) for p in fields["pools"])
    workloads = tuple(
        Workload(w["name"], w["demand"], tuple((p, a, r) for p, a, r in w["options"])) for w in fields["workloads"]
    )
    return Estate(fields["name"], pools, workloads)


def compact(estate: Estate) -> dict[str, Any]:
    """The estate in few characters: costs in cents per hour and node, options as [pool, accelerators, rate]."""
    return {
        "name": estate.name,
        "cost_unit": "cents per hour and node",
        "option": "[pool, accelerators per replica, rate per replica]",
        "pools": [
            {"name": p.name, "accelerators_per_node": p.accelerators, "cost": p.cost, "stock": p.stock}
            for p in estate.pools
        ],
        "workloads": [
            {"name": w.name, "demand": w.demand, "options": [list(option) for option in w.options]}
            for w in estate.workloads
        ],
    }


def with_stock(estate: Estate, name: str, stock: dict[str, int]) -> Estate:
    """The estate with other stock on some pools."""
    pools = tuple(replace(pool, stock=stock.get(pool.name, pool.stock)) for pool in estate.pools)
    return replace(estate, name=name, pools=pools)


def converted(estate: Estate) -> Fields:
    """The estate as an instance."""
    return files.instance(
        estate.name,
        f"{len(estate.workloads)} workloads over {len(estate.pools)} pools, costs in USD an hour",
        estate.origin,
        [files.node_type(p.name, p.accelerators, estate.origin) for p in estate.pools],
        [files.on_demand(p.name, p.cost, estate.origin, p.stock) for p in estate.pools],
        [_profiled(workload, estate.pools) for workload in estate.workloads],
    )


def _profiled(workload: Workload, pools: tuple[Pool, ...]) -> Fields:
    return {
        "kind": "profiled",
        "name": workload.name,
        "classes": [{"name": "all", "requests_per_s": float(workload.demand)}],
        "options": [
            {"name": f"o{k}", "node_type": pools[pool].name, "accelerators": size, "rates": {"all": rate}}
            for k, (pool, size, rate) in enumerate(workload.options)
        ],
    }
