"""Family `routing`: every class of a routed workload is served, by replicas that can carry it.

sum_k x_wck = units                                   for every class c of a routed workload w; plus d_wc on the
                                                      left where it may stay unserved (`unserved`)
sum_c load_wck x_wck <= capacity_wk n_wk              for every option k

x counts share units (1/10,080 of the class's rate); loads are rounded up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.unserved import unserved_terms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import OptionData, Problem

FAMILY = "routing"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Serving and carrying rows of every routed workload."""
    for w, workload in enumerate(problem.workloads):
        if not workload.routed:
            continue
        for c in range(len(workload.classes)):
            terms = [(x[c], 1) for x in variables.shares[w] if c in x] + unserved_terms(variables, w, c)
            model.add_row(FAMILY, f"serve_{w}_{c}", terms, lower=workload.demand, upper=workload.demand)
        for k, option in enumerate(workload.options):
            carried = [*_loads(option, variables.shares[w][k]), (variables.replicas[w][k], -option.capacity)]
            model.add_row(FAMILY, f"carry_{w}_{k}", carried, upper=0)


def _loads(option: OptionData, shares: dict[int, int]) -> Iterator[tuple[int, int]]:
    for c, x in shares.items():
        load = option.loads[c]
        assert load is not None
        yield x, load
