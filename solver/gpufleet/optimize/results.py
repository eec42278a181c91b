"""What an engine returns, by meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Outcome
    from gpufleet.optimize.bounds.written import WrittenTree
    from gpufleet.optimize.formulation.variables import FleetVariables


@dataclass(frozen=True)
class LevelResult:
    """How much stays unserved at one priority, in whole units of the level."""

    value: int
    bound: int
    """Proven: not less is possible once the higher priorities are served as they are."""


@dataclass(frozen=True)
class Proof:
    """Prices of rows, from which anyone can work out the bound (`bounds.lagrangian`)."""

    bound: int
    """Micro-USD: what they prove."""
    denominator: int
    rows: dict[str, int]
    """Name of the row to numerator: micro-USD per unit of the row, times the denominator."""
    tree: WrittenTree | None = None
    """Cases that prove more than these prices alone."""
    in_time: bool = True
    """No time limit cut the search for cases short."""


@dataclass(frozen=True)
class EngineResult:
    """Values of the integer program, by meaning."""

    outcome: Outcome
    objective: int | None
    """Micro-USD."""
    bound: int | None
    """Proven lower bound, micro-USD."""
    nodes: tuple[int, ...]
    """By offer."""
    replicas: tuple[tuple[int, ...], ...]
    """By workload and option."""
    shares: tuple[tuple[dict[int, int], ...], ...]
    """By workload and option: class position to share units."""
    fallbacks: tuple[dict[str, tuple[dict[int, int], ...]], ...]
    """By workload and lost site, as `shares`; empty where nothing is routed or no site may be lost."""
    measures: tuple[int, ...]
    """0 or 1, by measure."""
    unserved: tuple[dict[int, int], ...]
    """By workload: class position to units unserved; empty where everything must be served."""
    service: tuple[LevelResult, ...]
    """What stays unserved by priority, the highest first."""
    engine: str
    reason: str
    solver: str
    tie_break: str
    stopped: bool = False
    """The search was asked to stop before it was through."""
    deterministic: bool = False
    """Nothing hung on the clock, and the back end repeats itself with any number of workers."""
    proof: Proof | None = None
    """What the bound can be checked with, where it was worked out."""


def by_meaning(variables: FleetVariables, values: list[int] | None) -> dict[str, tuple]:  # type: ignore[type-arg]
    if values is None:
        return {"nodes": (), "replicas": (), "shares": (), "fallbacks": (), "measures": (), "unserved": ()}
    return {
        "nodes": tuple(values[y] for y in variables.nodes),
        "measures": tuple(values[z] for z in variables.measures),
        "unserved": tuple({c: values[d] for c, d in row.items()} for row in variables.unserved),
        "replicas": tuple(tuple(values[n] for n in row) for row in variables.replicas),
        "shares": tuple(_shares_by_meaning(row, values) for row in variables.shares),
        "fallbacks": tuple(
            {lost: _shares_by_meaning(row, values) for lost, row in by_site.items()} for by_site in variables.fallbacks
        ),
    }


def _shares_by_meaning(row: tuple[dict[int, int], ...], values: list[int]) -> tuple[dict[int, int], ...]:
    return tuple({c: values[x] for c, x in option.items()} for option in row)
