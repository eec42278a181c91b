"""Family `site_loss`: whichever site is lost, the replicas elsewhere carry the whole demand.

sum_{k not at s} capacity_wkt n_wkt >= demand_wt          covering workloads
sum_{k not at s} z_wsck = units                           routed workloads, for every class c
sum_c load_wck z_wsck <= capacity_wk n_wk                 and every option k that is not at s

for every site s at which a workload that must survive it has options. No replica moves: z routes the classes anew over
the replicas that run anyway. Where demand may stay unserved, the rows are about the part that is served (`unserved`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.unserved import served, unserved_terms

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "site_loss"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per workload and site, or its routing rows once more per site."""
    for w, workload in enumerate(problem.workloads):
        if not workload.survives_site_loss:
            continue
        if workload.routed:
            for s, shares in enumerate(variables.fallbacks[w].values()):
                _add_routing(model, problem, variables, (w, s), shares)
        elif workload.demand:
            _add_covering(model, problem, variables, w)


def _add_covering(model: LinearModel, problem: Problem, variables: FleetVariables, w: int) -> None:
    workload = problem.workloads[w]
    sites = [problem.pools[option.pool].site for option in workload.options]
    for s, lost in enumerate(sorted(set(sites))):
        left = [
            (n, option.capacity)
            for n, option, site in zip(variables.replicas[w], workload.options, sites, strict=True)
            if site != lost
        ]
        row, lower = served(problem, variables, (w, 0), left, workload.demand)
        model.add_row(FAMILY, f"without_{w}_{s}", row, lower=lower)


def _add_routing(
    model: LinearModel,
    problem: Problem,
    variables: FleetVariables,
    place: tuple[int, int],
    shares: tuple[dict[int, int], ...],
) -> None:
    w, s = place
    workload = problem.workloads[w]
    for c in range(len(workload.classes)):
        terms = [(z[c], 1) for z in shares if c in z] + unserved_terms(variables, w, c)
        model.add_row(FAMILY, f"serve_{w}_{c}_without_{s}", terms, lower=workload.demand, upper=workload.demand)
    for k, (option, z) in enumerate(zip(workload.options, shares, strict=True)):
        if z:
            loads = [(variable, load) for c, variable in z.items() if (load := option.loads[c]) is not None]
            carried = [*loads, (variables.replicas[w][k], -option.capacity)]
            model.add_row(FAMILY, f"carry_{w}_{k}_without_{s}", carried, upper=0)
