"""Which of several cheapest plans is taken: fewer measures, fewer nodes, less power, offers early in the alphabet.

Over several periods, then also the fewest different deployment options: a fleet should not change precision or
parallelism by the hour because nothing forbids it. Solved one after the other, each with the earlier ones held at their
optimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem


def add_forms(model: LinearModel, problem: Problem, variables: FleetVariables, values: list[int]) -> list[int]:
    """Variables that say whether a workload uses an option in any period; appends their values to `values`.

    n_wkt <= most_wk v_wk          Without several periods there are none: the objective `replicas` does as well.
    """
    users: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for w, workload in enumerate(problem.workloads if len(problem.periods) > 1 else ()):
        for n, option in zip(variables.replicas[w], workload.options, strict=True):
            users.setdefault((workload.name, option.key), []).append((n, option.most))
    forms = []
    for number, members in enumerate(users.values()):
        form = model.add_variable(f"v_{number}", 0, 1)
        values.append(int(any(values[n] for n, _ in members)))
        forms.append(form)
        for n, most in members:
            model.add_row("tie_break", f"form_{n}", [(n, 1), (form, -most)], upper=0)
    return forms


def unused(problem: Problem, variables: FleetVariables, values: list[int]) -> dict[int, int]:
    """Nodes, orders, node types and measures as they are, and options that are used in no period, at 0."""
    fleet = (*variables.nodes, *variables.orders.values(), *variables.node_types.values(), *variables.measures)
    fixed = {index: values[index] for index in fleet}
    used = {
        (workload.name, option.key)
        for w, workload in enumerate(problem.workloads)
        for n, option in zip(variables.replicas[w], workload.options, strict=True)
        if values[n]
    }
    for w, workload in enumerate(problem.workloads):
        for k, option in enumerate(workload.options):
            if (workload.name, option.key) not in used:
                shares = (variables.shares[w][k], *(by_site[k] for by_site in variables.fallbacks[w].values()))
                fixed |= dict.fromkeys((variables.replicas[w][k], *(x for row in shares for x in row.values())), 0)
    return fixed


def secondary_objectives(
    problem: Problem, variables: FleetVariables, forms: list[int]
) -> Iterator[tuple[str, dict[int, int]]]:
    """(what is minimised, coefficients), in order of importance. Offers are sorted by name."""
    if variables.measures:
        yield "measures", dict.fromkeys(variables.measures, 1)
    yield "nodes", dict.fromkeys(variables.nodes, 1)
    yield "power", {y: offer.power_w for y, offer in zip(variables.nodes, problem.offers, strict=True) if offer.power_w}
    yield "name", {y: rank for rank, y in enumerate(variables.nodes) if rank}
    if forms:
        yield "deployment options", dict.fromkeys(forms, 1)
    replicas = [n for row in variables.replicas for n in row]
    yield "replicas", {n: rank for rank, n in enumerate(replicas, start=1)}
