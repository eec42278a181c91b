"""Family `scenarios`: the fleet meets a sample of scenarios, but for some of them.

sum_s f_s <= most_violated                                      f_s = 1: scenario s is violated
sum_k capacity^s_wk n^s_wk + demand^s_w f_s >= demand^s_w       covering, for every workload w with demand then
sum_k x^s_wck + units f_s >= units                              routed, for every class c; and for every option k
sum_c load^s_wck x^s_wck <= capacity^s_wk n^s_wk
sum_{k in time} n^s_wk + f_s >= 1                               a training run without periods (capacity 1 = in time)
sum_k n^s_wk <= max_w
n^s_wk <= most^s_wk v_wk,  v_wk <= sum_t n_wkt                  only what the plan runs in the stage anyway
sum_{k on p} a_k n^s_wk + size_p sum_p' q^s_p' <= size_p (nodes_pt - sum_{j down} h_ptj)          for every pool p
sum_{k on p'} a_k n^s_wk <= size_p' q^s_p'                      for every partition p'
nodes_pt <= j + (most_p - j) h_ptj                              the pool has more than j nodes: h = 1

So a scenario is met when some choice of replicas, on the nodes that are up, serves every class whole. Nodes of a pool
are alike; the first ones that it has are those whose failures were drawn first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.scenario_variables import form_key

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.scenario_variables import InScenario, ScenarioVariables
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem, ScenarioData, ScenarioPart

FAMILY = "scenarios"
Terms = list[tuple[int, int]]


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows of every scenario, and those that hold them together."""
    if problem.robust is None or variables.robust is None:
        return
    mine = variables.robust
    violated = [(found.violated, 1) for found in mine.scenarios if found.violated is not None]
    if len(violated) > problem.robust.most_violated:
        model.add_row(FAMILY, "violated", violated, upper=problem.robust.most_violated)
    _add_forms(model, problem, variables, mine)
    _add_places(model, problem, variables, mine)
    for s, (data, found) in enumerate(zip(problem.robust.scenarios, mine.scenarios, strict=True)):
        for number, part in enumerate(data.parts):
            _add_service(model, problem, (s, number), part, found)
            _add_forms_used(model, problem, (s, number), part, found, mine)
        _add_pools(model, problem, variables, s, data, found)


def _add_forms(model: LinearModel, problem: Problem, variables: FleetVariables, mine: ScenarioVariables) -> None:
    """A form is open to scenarios if the plan runs it."""
    runs: dict[int, Terms] = {form: [] for form in mine.forms.values()}
    for w, workload in enumerate(problem.workloads):
        for k in range(len(workload.options)):
            form = mine.forms.get(form_key(problem, w, k))
            if form is not None:
                runs[form].append((variables.replicas[w][k], -1))
    for number, (form, terms) in enumerate(runs.items()):
        model.add_row(FAMILY, f"form_{number}", [(form, 1), *terms], upper=0)


def _add_places(model: LinearModel, problem: Problem, variables: FleetVariables, mine: ScenarioVariables) -> None:
    """Whether the node that is down is there at all."""
    for (p, t, j), place in mine.places.items():
        nodes, most = _nodes(problem, variables, p, t), 0
        for offer in problem.offers:
            most += offer.most if offer.pool == p and offer.there(t) else 0
        if most > j:
            model.add_row(FAMILY, f"place_{p}_{t}_{j}", [*nodes, (place, j - most)], upper=j)


def _nodes(problem: Problem, variables: FleetVariables, p: int, t: int) -> Terms:
    pairs = zip(variables.nodes, problem.offers, strict=True)
    return [(y, 1) for y, offer in pairs if offer.pool == p and offer.there(t)]


def _add_service(
    model: LinearModel, problem: Problem, place: tuple[int, int], part: ScenarioPart, found: InScenario
) -> None:
    """Every class is served, or the scenario is violated."""
    s, number = place
    workload, replicas = problem.workloads[part.part], found.replicas[number]
    name = f"{s}_{part.part}"
    if workload.max_replicas is not None:
        counts = [(n, 1) for n in replicas if n is not None]
        model.add_row(FAMILY, f"most_{name}", counts, upper=workload.max_replicas)
    if not workload.routed:
        carried = [(n, able) for n, able in zip(replicas, part.capacities, strict=True) if n is not None]
        model.add_row(FAMILY, f"meet_{name}", [*carried, *_or_violated(found, part.demand)], lower=part.demand)
        return
    shares = found.shares[number]
    for c in range(len(workload.classes)):
        terms = [(x[c], 1) for x in shares if c in x]
        model.add_row(FAMILY, f"meet_{name}_{c}", [*terms, *_or_violated(found, part.demand)], lower=part.demand)
    for k, (n, able, x) in enumerate(zip(replicas, part.capacities, shares, strict=True)):
        if n is not None:
            loads = [(variable, load) for c, variable in x.items() if (load := part.loads[k][c]) is not None]
            model.add_row(FAMILY, f"carry_{name}_{k}", [*loads, (n, -able)], upper=0)


def _or_violated(found: InScenario, demand: int) -> Terms:
    return [] if found.violated is None else [(found.violated, demand)]


def _add_forms_used(
    model: LinearModel,
    problem: Problem,
    place: tuple[int, int],
    part: ScenarioPart,
    found: InScenario,
    mine: ScenarioVariables,
) -> None:
    s, number = place
    for k, (n, most) in enumerate(zip(found.replicas[number], part.most, strict=True)):
        if n is not None:
            form = mine.forms[form_key(problem, part.part, k)]
            model.add_row(FAMILY, f"open_{s}_{part.part}_{k}", [(n, 1), (form, -most)], upper=0)


def _add_pools(
    model: LinearModel, problem: Problem, variables: FleetVariables, s: int, data: ScenarioData, found: InScenario
) -> None:
    """Replicas fit on the nodes that are up, and those of a partition on nodes that run as it."""
    assert variables.robust is not None
    used: dict[int, Terms] = {}
    for part, replicas in zip(data.parts, found.replicas, strict=True):
        for n, option in zip(replicas, problem.workloads[part.part].options, strict=True):
            if n is not None:
                used.setdefault(option.pool, []).append((n, option.accelerators))
    for p, q in found.partitions.items():
        used[p].append((q, -problem.pools[p].accelerators_per_node))
        base = problem.pools[p].partition_of
        assert base is not None
        used.setdefault(base, []).append((q, problem.pools[base].accelerators_per_node))
    down = dict(data.down)
    for p, terms in sorted(used.items()):
        if problem.pools[p].partition_of is None:
            size = problem.pools[p].accelerators_per_node
            there = [(y, -size) for y, _ in _nodes(problem, variables, p, data.period)]
            gone = [(variables.robust.places[p, data.period, j], size) for j in down.get(p, ())]
            terms = [*terms, *there, *gone]
        model.add_row(FAMILY, f"up_{s}_{p}", terms, upper=0)
