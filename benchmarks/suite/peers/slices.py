"""Mélange's formulation (Griggs et al., arXiv 2404.14527), written from its description, solved by CBC through PuLP.

Every bucket of requests is cut into `factor` equal slices; each slice goes to one GPU type as a whole; the loads of a
type's slices add up to at most its number of GPUs; GPUs cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pulp

from suite.peers.contracts import taken
from suite.peers.question import Running, plan

if TYPE_CHECKING:
    from suite.peers.question import Fields, Question, Workload

FACTOR = 8
"""Slices per bucket (assumed; their example configuration has 1)."""


def solve(question: Question, seconds: float, factor: int = FACTOR) -> Fields | None:
    """A plan for one workload whose replicas take one accelerator each; None where none was found."""
    (workload,) = question.workloads
    model, where, counts = _model(question, workload, factor)
    model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=max(seconds, 1)))
    if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return None
    running = []
    for k, option in enumerate(workload.options):
        shares = {name: _sum(rows[k]) / factor for name, rows in where.items() if k in rows and _sum(rows[k])}
        load = sum(share * workload.classes[name] / option.rates[name] for name, share in shares.items())
        if shares:
            running.append(Running(0, 0, k, max(round(counts[k].value()), math.ceil(load - 1e-9)), shares))
    needed = [0] * len(question.pools)
    for entry in running:
        needed[workload.options[entry.option].pool] += entry.replicas
    nodes = taken(question, [needed])
    return None if nodes is None else plan(question, running, nodes)


def _sum(variables: list[pulp.LpVariable]) -> int:
    return sum(round(variable.value() or 0) for variable in variables)


def _model(
    question: Question, workload: Workload, factor: int
) -> tuple[pulp.LpProblem, dict[str, dict[int, list[pulp.LpVariable]]], list[pulp.LpVariable]]:
    """The problem, whether each slice of each class is on each type, and GPUs by type."""
    model = pulp.LpProblem("slices", pulp.LpMinimize)
    pools = [question.pools[option.pool] for option in workload.options]
    counts = [pulp.LpVariable(f"y_{k}", 0, pool.stock, "Integer") for k, pool in enumerate(pools)]
    model += pulp.lpSum(pool.price * count for pool, count in zip(pools, counts, strict=True))
    where: dict[str, dict[int, list[pulp.LpVariable]]] = {}
    for c, name in enumerate(workload.classes):
        able = [k for k, option in enumerate(workload.options) if name in option.rates]
        where[name] = {k: [pulp.LpVariable(f"x_{c}_{s}_{k}", cat="Binary") for s in range(factor)] for k in able}
        for s in range(factor):
            model += pulp.lpSum(where[name][k][s] for k in able) == 1
    for k, option in enumerate(workload.options):
        loads = [
            workload.classes[name] / factor / option.rates[name] * variable
            for name, rows in where.items()
            for variable in rows.get(k, ())
        ]
        model += pulp.lpSum(loads) <= counts[k]
    return model, where, counts
