"""Family `spot`: a workload depends on spot nodes for a share s of its demand at most.

sum_{k elsewhere} capacity_wkt n_wkt >= (1 - s) demand_wt      covering
sum_{t, k elsewhere} (progress_rkt n_rkt - lost_rkt s_rkt) >= (1 - s) work_r      a run: starts elsewhere count there
sum_{k on spot} x_wckt <= s units                              routed, for every class c

Where demand may stay unserved, all of them are about the part that is served (see `unserved`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.restarts import progress
from gpufleet.optimize.formulation.unserved import served

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "spot"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows of every workload that bounds its share and could use spot nodes."""
    runs: dict[str, tuple[list[tuple[int, int]], int, int]] = {}
    for w, workload in enumerate(problem.workloads):
        on_spot = [problem.pools[option.pool].spot is not None for option in workload.options]
        if workload.spot_limit is None:
            continue
        if workload.routed:
            for c in range(len(workload.classes)):
                shares = [(x[c], 1) for x, spot in zip(variables.shares[w], on_spot, strict=True) if spot and c in x]
                if shares:
                    row, upper = served(problem, variables, (w, c), shares, workload.spot_limit)
                    model.add_row(FAMILY, f"spot_{w}_{c}", row, upper=upper)
            continue
        elsewhere = [term for k, spot in enumerate(on_spot) if not spot for term in progress(problem, variables, w, k)]
        if workload.run is not None:
            runs.setdefault(workload.run, ([], w, workload.spot_limit))[0].extend(elsewhere)
        elif any(on_spot):
            row, lower = served(problem, variables, (w, 0), elsewhere, workload.spot_limit)
            model.add_row(FAMILY, f"elsewhere_{w}", row, lower=lower)
    for number, (terms, w, least) in enumerate(runs.values()):
        row, lower = served(problem, variables, (w, 0), terms, least)
        model.add_row(FAMILY, f"run_elsewhere_{number}", row, lower=lower)
