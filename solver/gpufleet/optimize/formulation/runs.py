"""Family `runs`: a training run that may stop and go on gets its work done over all periods.

sum_{t, k} (progress_rkt n_rkt - lost_rkt s_rkt) >= work_r          for every run r
sum_k n_rkt <= 1                                                    in every period t

n_rkt says whether run r goes on with option k in period t. It is one gang of accelerators: two copies would not train
it faster. progress is the share of the run that the option gets done in the period's hours, within one deadline; lost
is what is missing of it where the run starts in that period (see `restarts`), at most all of it. Where the run may be
left undone (`unserved`), work d_r stands on the left of the first row and d_r on the left of the second: it then holds
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.restarts import progress
from gpufleet.optimize.formulation.unserved import served, unserved_terms

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "runs"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per run over all its periods, and one per period."""
    done: dict[str, list[tuple[int, int]]] = {}
    first: dict[str, int] = {}
    for w, part in enumerate(problem.workloads):
        if part.run is not None:
            running = [(n, 1) for n in variables.replicas[w]] + unserved_terms(variables, w, 0)
            model.add_row(FAMILY, f"one_at_a_time_{w}", running, upper=1)
            first.setdefault(part.run, w)
            terms_of_run = done.setdefault(part.run, [])
            for k in range(len(part.options)):
                terms_of_run += progress(problem, variables, w, k)
    for number, (run, terms_of_run) in enumerate(done.items()):
        w = first[run]
        row, lower = served(problem, variables, (w, 0), terms_of_run, problem.workloads[w].demand)
        model.add_row(FAMILY, f"run_{number}", row, lower=lower)
