"""Roofline: work and traffic to seconds."""

from __future__ import annotations

import numpy as np

from gpufleet.performance.arrays import Floats, quotient


def roofline(flops: Floats | float, rate: float, traffic: Floats | float, bandwidth: float) -> Floats:
    """Seconds of a kernel that overlaps arithmetic and memory traffic: max(flops / rate, bytes / bandwidth).

    `flops` in FLOP, `rate` in FLOP/s, `traffic` in bytes, `bandwidth` in B/s; any common shape.
    Source: Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.
    """
    return np.maximum(quotient(flops, rate), quotient(traffic, bandwidth))


def overlapped(first: Floats, second: Floats, sharpness: float) -> Floats:
    """Seconds of two streams of work that overlap in part: (a^n + b^n)^(1/n), n = `sharpness` >= 1.

    n = 1: one after the other; n -> infinity: the longer hides the shorter, the roofline itself. Any common shape.
    """
    longer, shorter = np.maximum(first, second), np.minimum(first, second)
    return np.asarray(longer * (1.0 + quotient(shorter, longer) ** sharpness) ** (1.0 / sharpness))


def distinct_experts(experts: int, per_token: int, tokens: Floats) -> Floats:
    """Expected number of experts that `tokens` tokens visit under uniform routing; shape of `tokens`.

    E (1 - (1 - k / E)^tokens). Real routing is less uniform, so fewer are visited.
    """
    if not experts:
        return np.zeros_like(tokens)
    return np.asarray(experts * (1.0 - (1.0 - per_token / experts) ** tokens), dtype=np.float64)
