"""Which of several cheapest plans is taken: fewer nodes, then less power, then offers early in the alphabet.

Solved one after the other, each with the earlier ones held at their optimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem


def secondary_objectives(problem: Problem, variables: FleetVariables) -> Iterator[tuple[str, dict[int, int]]]:
    """(what is minimised, coefficients), in order of importance. Offers are sorted by name."""
    yield "nodes", dict.fromkeys(variables.nodes, 1)
    yield "power", {y: offer.power_w for y, offer in zip(variables.nodes, problem.offers, strict=True) if offer.power_w}
    yield "name", {y: rank for rank, y in enumerate(variables.nodes) if rank}
    replicas = [n for row in variables.replicas for n in row]
    yield "replicas", {n: rank for rank, n in enumerate(replicas, start=1)}
