"""Options of profiled workloads: the user's own measurements, taken at their word."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from gpufleet.candidates.filters import Check
from gpufleet.candidates.replica_size import describe_chain, packs_exactly
from gpufleet.performance.estimate import Configurations
from gpufleet.performance.uncertainty import MEASURED
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.base import Performance
    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.workloads import Profiled, ProfiledOption


def profiled_configuration(profile: ProfiledOption) -> Configurations:
    """A profile as a single configuration: how its accelerators are joined is the user's business."""
    one = np.ones(1)
    return Configurations(
        tensor=one * profile.accelerators,
        pipeline=one,
        data=one,
        expert=one,
        zero_stage=one * 0,
        recomputation=np.zeros(1, dtype=bool),
        batch=one,
    )


STEPS: Final = 10**6


def repeatable(performance: Performance) -> Fraction:
    """The part of a measured rate that is counted on, rounded down to a millionth so that rates stay short decimals."""
    return Fraction(1) if performance == "p50" else Fraction(math.floor(MEASURED.least * STEPS), STEPS)


def profiled_rates(
    workload: Profiled, profile: ProfiledOption, performance: Performance = "p50"
) -> tuple[Fraction, ...]:
    """Rates per class in file order, at the allowed utilisation; a class that is left out cannot be served."""
    allowed = exact(workload.max_utilisation) * repeatable(performance)
    return tuple(exact(profile.rates.get(group.name, 0)) * allowed for group in workload.classes)


def profiled_checks(profile: ProfiledOption, node: NodeType) -> Iterator[Check]:
    """Its size must pack exactly onto such nodes; of a partition's instances it takes one."""
    size, most = np.array([profile.accelerators]), node.largest_replica
    wrong = np.array([not packs_exactly(profile.accelerators, node.accelerators)])
    if most is not None:
        wrong = size > most
    limit = describe_chain(node.accelerators) if most is None else f"at most {most}"
    yield Check("replica_size", wrong, limit, size.astype(float), "accelerators per replica")
    nothing = np.array([not any(profile.rates.values())])
    yield Check("throughput", nothing, "a positive rate", np.zeros(1), "requests/s", at_least=True)
