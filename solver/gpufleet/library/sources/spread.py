"""From the mean latencies of a steady state to percentiles.

aiconfigurator states means for requests that keep a replica busy, and no percentiles. Its TTFT is about twice the time
of the prompt's own iterations (its queueing factor is 2 to 4). So half of it is taken as fixed and half as a wait with
exponential distribution: the q-quantile is (1 + ln(1 / (1 - q))) / 2 times the mean. The time per output token is a
mean over many iterations, and hardly differs between requests: its factors are assumed. Gaps between tokens are those
of its schedule: iterations with and without prompts in their proportion.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gpufleet.schema.measurements import PERCENTILES

if TYPE_CHECKING:
    from collections.abc import Mapping

TPOT_FACTORS: Final[Mapping[int, float]] = {50: 1.0, 90: 1.1, 95: 1.15, 99: 1.3}
"""Assumed."""


def latencies(said: Mapping[str, float], steps: Mapping[str, float], output_tokens: int) -> dict[str, float]:
    """Latency columns of a row, ms. `said` has `ttft` and `tpot`, `steps` the iterations of the schedule."""
    ttft, tpot, tokens = said["ttft"], said["tpot"], output_tokens - 1
    columns = {"ttft_mean_ms": ttft, "tpot_mean_ms": tpot, "e2e_mean_ms": ttft + tokens * tpot}
    for percentile in PERCENTILES:
        first, each = ttft * ttft_factor(percentile), tpot * TPOT_FACTORS[percentile]
        columns |= {f"ttft_p{percentile}_ms": first, f"tpot_p{percentile}_ms": each}
        columns |= {
            f"itl_p{percentile}_ms": gap(steps, percentile / 100),
            f"e2e_p{percentile}_ms": first + tokens * each,
        }
    return columns


def ttft_factor(percentile: float) -> float:
    """Quantile over mean of a TTFT of which half is fixed and half an exponential wait."""
    return (1.0 + math.log(1.0 / (1.0 - percentile / 100))) / 2


def gap(steps: Mapping[str, float], share: float) -> float:
    """The gap between two tokens that a share of all gaps does not exceed, ms."""
    mixed, plain = steps["num_mix_steps"], steps["num_genonly_steps"]
    times = sorted([(steps["genonly_step_latency_ms"], plain), (steps["mix_step_latency_ms"], mixed)])
    (shorter, count), (longer, _) = times
    return shorter if count >= share * (mixed + plain) else longer
