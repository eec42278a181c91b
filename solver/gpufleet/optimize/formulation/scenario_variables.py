"""Variables of scenarios: what is run then, and what is violated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.problem.scaling import SHARE_UNITS

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.problem.data import Problem, ScenarioData, ScenarioLimit

FormKey = tuple[str, int, int]
"""(workload, key of the option, stage)"""


@dataclass(frozen=True)
class InScenario:
    """What is decided in one scenario."""

    violated: int | None
    """f_s; None where it must be met."""
    replicas: tuple[tuple[int | None, ...], ...]
    """n^s_wk, by part of the scenario and option; None where the option carries nothing."""
    shares: tuple[tuple[dict[int, int], ...], ...]
    """x^s_wck, by part, option and position of the class."""
    partitions: dict[int, int]
    """q^s_p', by pool of the partition."""


@dataclass(frozen=True)
class ScenarioVariables:
    """Variable indices by what they mean."""

    scenarios: tuple[InScenario, ...]
    forms: dict[FormKey, int]
    """v_wk."""
    places: dict[tuple[int, int, int], int]
    """h_ptj: (pool, period, position of the node)."""


def scenario_variables(model: LinearModel, problem: Problem, limit: ScenarioLimit) -> ScenarioVariables:
    """Create them, in a fixed order."""
    keys = {
        form_key(problem, part.part, k)
        for scenario in limit.scenarios
        for part in scenario.parts
        for k, capacity in enumerate(part.capacities)
        if capacity
    }
    forms = {key: model.add_variable(f"v_{number}", 0, 1) for number, key in enumerate(sorted(keys))}
    wanted = sorted({(p, s.period, j) for s in limit.scenarios for p, gone in s.down for j in gone})
    places = {(p, t, j): model.add_variable(f"h_{p}_{t}_{j}", 0, 1) for p, t, j in wanted}
    scenarios = tuple(_scenario(model, problem, number, data) for number, data in enumerate(limit.scenarios))
    return ScenarioVariables(scenarios, forms, places)


def form_key(problem: Problem, part: int, k: int) -> FormKey:
    """An option of a workload in a stage, the same in all its periods."""
    workload = problem.workloads[part]
    return workload.name, workload.options[k].key, problem.periods[workload.period].stage


def _scenario(model: LinearModel, problem: Problem, s: int, data: ScenarioData) -> InScenario:
    violated = model.add_variable(f"f_{s}", 0, 1) if data.may_fail else None
    replicas = tuple(
        tuple(
            model.add_variable(f"ns_{s}_{part.part}_{k}", 0, most) if capacity else None
            for k, (capacity, most) in enumerate(zip(part.capacities, part.most, strict=True))
        )
        for part in data.parts
    )
    shares = tuple(
        tuple(
            {
                c: model.add_variable(f"xs_{s}_{part.part}_{c}_{k}", 0, SHARE_UNITS, "share")
                for c, load in enumerate(loads)
                if load is not None
            }
            for k, loads in enumerate(part.loads)
        )
        for part in data.parts
    )
    used: dict[int, int] = {}
    for part in data.parts:
        for option, capacity, most in zip(
            problem.workloads[part.part].options, part.capacities, part.most, strict=True
        ):
            if capacity and problem.pools[option.pool].partition_of is not None:
                used[option.pool] = used.get(option.pool, 0) + option.accelerators * most
    partitions = {
        p: model.add_variable(f"qs_{s}_{p}", 0, -(-count // problem.pools[p].accelerators_per_node))
        for p, count in sorted(used.items())
    }
    return InScenario(violated, replicas, shares, partitions)
