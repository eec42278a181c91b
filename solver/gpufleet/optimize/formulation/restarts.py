"""Family `restarts`: a training run starts wherever it did not go on in the same way in the period before.

n_rkt - n_rk,t-1 <= s_rkt          for every run r, option k and period t in which a start loses something

The period before the first of a stage is the last of it, because periods come again and again; where the run cannot use
option k in the period before, n_rk,t-1 is 0. What a start loses is taken off the progress of the run in family `runs`
(and in `spot`), so that s is 0 wherever it may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "restarts"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per start that loses something."""
    parts = {(part.run, part.period): w for w, part in enumerate(problem.workloads) if part.run is not None}
    for w, part in enumerate(problem.workloads):
        before = parts.get((part.run, period_before(problem, part.period))) if part.run is not None else None
        for k, start in variables.starts[w].items():
            row = [(variables.replicas[w][k], 1), (start, -1)]
            if before is not None:
                same = zip(variables.replicas[before], problem.workloads[before].options, strict=True)
                row += [(n, -1) for n, option in same if option.key == part.options[k].key]
            model.add_row(FAMILY, f"start_{w}_{k}", row, upper=0)


def period_before(problem: Problem, period: int) -> int:
    """Position of the period before this one in its stage; before the first comes the last."""
    inside = [t for t, other in enumerate(problem.periods) if other.stage == problem.periods[period].stage]
    return inside[inside.index(period) - 1]


def progress(problem: Problem, variables: FleetVariables, w: int, k: int) -> list[tuple[int, int]]:
    """Terms of what option k gets done in one period of a run: its capacity, less what a start loses."""
    option = problem.workloads[w].options[k]
    terms = [(variables.replicas[w][k], option.capacity)]
    if k in variables.starts[w]:
        terms.append((variables.starts[w][k], -option.restart))
    return terms
