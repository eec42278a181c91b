"""Options of profiled workloads: the user's own measurements, taken at their word."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
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


def by_node_type(workload: Profiled) -> dict[str, list[ProfiledOption]]:
    """The options of a workload by the node type that they were measured on, in file order."""
    found: dict[str, list[ProfiledOption]] = {}
    for profile in workload.options:
        found.setdefault(profile.node_type, []).append(profile)
    return found


def profiled_configuration(profile: ProfiledOption) -> Configurations:
    """A profile as a single configuration: how its accelerators are joined is the user's business."""
    return _configuration(profile.accelerators)


@cache
def _configuration(accelerators: int) -> Configurations:
    """Shared by all profiles of one size, hence never written to."""
    one = np.ones(1)
    return Configurations(
        tensor=one * accelerators,
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
    rates = (exact(profile.rates.get(group.name, 0)) for group in workload.classes)
    return tuple(rates) if allowed == 1 else tuple(rate * allowed for rate in rates)


def profiled_checks(profile: ProfiledOption, node: NodeType) -> Iterator[Check]:
    """Its size must pack exactly onto such nodes; of a partition's instances it takes one."""
    yield _size_check(profile.accelerators, node.accelerators, node.largest_replica)
    yield _rate_check(any(profile.rates.values()))


@cache
def _size_check(accelerators: int, node: int, most: int | None) -> Check:
    """For a replica of so many accelerators on nodes of so many, of which it may take at most `most`."""
    wrong = not packs_exactly(accelerators, node) if most is None else accelerators > most
    limit = describe_chain(node) if most is None else f"at most {most}"
    return Check("replica_size", np.array([wrong]), limit, np.array([float(accelerators)]), "accelerators per replica")


@cache
def _rate_check(is_positive: bool) -> Check:
    return Check("throughput", np.array([not is_positive]), "a positive rate", np.zeros(1), "requests/s", at_least=True)
