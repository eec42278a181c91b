"""Under which circumstances a configuration runs: on nodes that may be taken away, and with which measures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.units import HOURS_PER_MONTH, exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.instance import Measure
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


@dataclass(frozen=True)
class Setting:
    """A spot offer or none, and a set of measures."""

    spot: Offer | None = None
    measures: tuple[Measure, ...] = ()

    @property
    def measure_names(self) -> tuple[str, ...]:
        """In file order."""
        return tuple(measure.name for measure in self.measures)

    @property
    def spot_name(self) -> str | None:
        """Name of the spot offer."""
        return None if self.spot is None else self.spot.name

    def speed(self, nodes: int) -> Fraction:
        """Factor on the rate of a replica over so many nodes: each of them can be interrupted."""
        factor = Fraction(1)
        for measure in self.measures:
            factor *= exact(measure.throughput_factor)
        if self.spot is None:
            return factor
        lost = exact(self.spot.interruptions_per_month or 0) * exact(self.spot.hours_lost_per_interruption)
        return factor * max(Fraction(0), 1 - nodes * lost / HOURS_PER_MONTH)

    def speeds(self, accelerators: npt.NDArray[np.float64], node: int) -> npt.NDArray[np.float64]:
        """The factor for replicas of so many accelerators, shape (n,), on nodes of `node` accelerators."""
        nodes = np.ceil(accelerators / node).astype(np.int64)
        sizes, positions = np.unique(nodes, return_inverse=True)
        return np.array([float(self.speed(int(size))) for size in sizes])[positions]


def measures_for(
    resolved: ResolvedInstance, workload: Workload, accelerator: Accelerator, variant: str
) -> list[Measure]:
    """The measures that make a difference to a variant on an accelerator."""
    return [
        measure
        for measure in resolved.instance.measures
        if workload.name in measure.workloads
        and (measure.accelerators is None or accelerator.name in measure.accelerators)
        and (measure.throughput_factor > 1 or variant in measure.unlocks)
    ]


def unlocking(resolved: ResolvedInstance, workload: Workload, variant: str) -> tuple[str, ...]:
    """The measures of which a variant needs one; empty when it needs none."""
    return tuple(m.name for m in resolved.instance.measures if workload.name in m.workloads and variant in m.unlocks)


def settings(measures: list[Measure], spots: list[Offer | None]) -> Iterator[Setting]:
    """Every spot offer or none, with every subset of the measures, smaller subsets first."""
    for spot in spots:
        for count in range(len(measures) + 1):
            yield from (Setting(spot, subset) for subset in combinations(measures, count))
