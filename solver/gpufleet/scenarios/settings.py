"""What a sample of scenarios is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES_PER_RUN: Final = 419
"""Unexpected interruptions of the pre-training of Llama 3 405B in 54 days on 16,384 H100 in nodes of 8 (The Llama 3
Herd of Models, arXiv 2407.21783, section 3.3.4)."""
MTBF_HOURS: Final = round(54 * 24 * 16_384 / 8 / FAILURES_PER_RUN)
"""Hours between two failures of a node, by that run: 6,334. Assumed to hold for nodes of every type."""
REPAIR_HOURS: Final = 24.0
"""Assumed: a node that failed is back after a day."""
AVAILABILITY: Final = round(MTBF_HOURS / (MTBF_HOURS + REPAIR_HOURS), 4)
"""Share of its time that a node is there, unless said otherwise: 0.9962. Assumed, as its parts are."""
DEMAND: Final = (1.0, 1.5)
"""Assumed: demand is what was asked for, or up to half as much again."""


@dataclass(frozen=True)
class ScenarioSettings:
    """How many scenarios, and what they hold. The same settings give the same scenarios."""

    samples: int = 1000
    seed: int = 1
    demand: tuple[float, float] = DEMAND
    """Factor on the rates of every workload that serves: uniform between the two, one for all workloads at a time."""
    availability: float = AVAILABILITY
    """Share of its time that a node is there; spot nodes are interrupted on top of that."""
    throughput: bool = True
    """Draw errors of throughputs from their intervals? False: the estimates are taken to be right."""

    def __post_init__(self) -> None:
        """Refuse what no scenario can be drawn from."""
        low, high = self.demand
        if self.samples < 1:
            raise ValueError(f"samples is {self.samples}, but at least 1 is needed")
        if not 0 <= low <= high:
            raise ValueError(f"demand is {low:g}:{high:g}; write two factors, the smaller one first, e.g. 1.0:1.5")
        if not 0 <= self.availability <= 1:
            raise ValueError(f"availability is {self.availability:g}; it is a share between 0 and 1")
