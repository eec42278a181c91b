"""Tiny integer programs with covering rows and rows between them, and their optimum by enumeration."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.linear_model import LinearModel

if TYPE_CHECKING:
    from random import Random


def random_model(random: Random) -> LinearModel:
    """Two workloads with two or three options each, on one or two pools; at times under a limit or with an equation."""
    model = LinearModel()
    pools = [model.add_variable(f"y{p}", 0, random.randint(1, 3)) for p in range(random.randint(1, 2))]
    takes: list[list[tuple[int, int]]] = [[] for _ in pools]
    for w in range(2):
        counts = [model.add_variable(f"n{w}{k}", 0, random.randint(1, 3)) for k in range(random.randint(2, 3))]
        for j in counts:
            takes[random.randrange(len(pools))].append((j, random.randint(1, 4)))
        demand = random.randint(1, 12)
        model.add_row("demand", f"demand_{w}", [(j, random.randint(1, 6)) for j in counts], lower=demand)
    for y, terms in zip(pools, takes, strict=True):
        model.add_row("pools", f"pool_{y}", [(y, random.randint(2, 8)), *((j, -take) for j, take in terms)], lower=0)
    model.objective = {y: random.randint(3, 40) for y in pools}
    model.objective |= {j: random.randint(0, 5) for j in range(len(model.variables)) if j not in pools}
    if random.random() < 0.4:
        model.add_row("power", "power", [(y, random.randint(1, 3)) for y in pools], upper=random.randint(2, 6))
    if random.random() < 0.2:
        model.add_row("share", "share", [(len(pools), 1), (len(pools) + 1, -1)], lower=0, upper=0)
    return model


def cheapest(model: LinearModel) -> int | None:
    """The optimum; None when there is no solution."""
    ranges = [range(variable.lower, variable.upper + 1) for variable in model.variables]
    costs = [
        model.value(model.objective, list(values)) for values in product(*ranges) if not model.violated(list(values))
    ]
    return min(costs, default=None)
