"""Kernels of a pass over items: a soft roofline of matrix products, the power limit, and memory traffic.

```
products   t_c = FLOP / (peak x share x mapping x (peak / reference)^-exponent)  +  scores / attention rate
power      t_p = (FLOP / mapping x bits x energy per bit  +  bytes x energy per byte) / (TDP x (1 - idle))
traffic    t_m = bytes / bandwidth
together   t   = (t_c^p + t_p^p + t_m^p)^(1/p)                    compute alone  (t_c^p + t_p^p)^(1/p)
```
The maximum of the three (Williams et al., "Roofline", CACM 52(4), 2009) is rounded at its corners, because a network
has layers on both sides of each. Energy limits what a 70 W card reaches of its datasheet rate (Choi et al., "A roofline
model of energy", IPDPS 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.schema.base import BITS

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.device import Device
    from gpufleet.performance.passes import Pass

REFERENCE_BIT_RATE = 2.0e15
"""Operand bits per second at which shares of the peak are stated: 250 TOP/s in 8 bits, 125 TFLOP/s in 16."""
JOULE_PER_PICOJOULE = 1e-12
LEAST_TIME_S = 1e-30
"""Stands for no time at all where times are divided by the largest."""


@dataclass(frozen=True)
class KernelTimes:
    """Seconds per item and stage, (n,)."""

    compute: Floats
    """Products and attention scores alone, under the power limit."""
    streaming: Floats
    """Memory traffic alone."""
    together: Floats
    """Both, softly overlapped."""


def _soft_maximum(exponent: float, *times: Floats) -> Floats:
    """(sum of t^p)^(1/p), elementwise; taken relative to the largest, so that no power overflows."""
    largest = np.maximum.reduce(times)
    scale = np.maximum(largest, LEAST_TIME_S)
    total = np.asarray(sum((time / scale) ** exponent for time in times))
    return np.asarray(largest * total ** (1.0 / exponent))


def memory_class(device: Device) -> str:
    """`hbm`, `gddr`, or empty: what the energy of an access depends on."""
    kind = (device.accelerator.memory_kind or "").lower()
    return "hbm" if "hbm" in kind else "gddr" if "gddr" in kind else ""


def product_rate(device: Device, phase: str) -> float:
    """FLOP/s of matrix products without power limit; a larger chip is harder to fill."""
    relative = device.peak * BITS[device.precision] / REFERENCE_BIT_RATE
    size = float(relative ** -device.figure("size_exponent"))
    share = min(
        device.figure("item_compute") * device.figure("generation", phase) * device.figure("mapping") * size, 1.0
    )
    return device.peak * device.unpacking * share


def _power_s(work: Pass, traffic: Floats, device: Device) -> Floats:
    """Energy of an item / power left for it, s; 0 where the accelerator's power limit is not known."""
    if device.accelerator.tdp_w is None:
        return np.zeros_like(traffic)
    memory = memory_class(device)
    per_flop = BITS[device.precision] * device.figure("energy_per_bit_pj", memory)
    flops = (work.flops + work.scores) / device.figure("mapping")
    energy = (flops * per_flop + traffic * device.figure("energy_per_byte_pj", memory)) * JOULE_PER_PICOJOULE
    return np.asarray(energy / (device.accelerator.tdp_w * (1.0 - device.figure("idle_power"))))


def of_item(work: Pass, device: Device) -> KernelTimes:
    """Times of one item; what stays in the cache makes no memory traffic."""
    kept = 1.0 if work.phase == "recommend" else device.figure("activation_traffic")
    traffic = np.broadcast_to(np.asarray(work.traffic * kept, dtype=np.float64), np.shape(work.flops))
    exponent = device.figure("roofline_exponent")
    products = np.asarray(work.flops / product_rate(device, work.phase) + work.scores / device.attention)
    power, streaming = _power_s(work, traffic, device), traffic / device.bandwidth
    return KernelTimes(
        compute=_soft_maximum(exponent, products, power),
        streaming=streaming,
        together=_soft_maximum(exponent, products, power, streaming),
    )


def exposed_weights(together: Floats, streaming: Floats, weights: Floats, device: Device) -> Floats:
    """Reading weights that a batch of one request does not hide, s per batch: the soft maximum less the hard one.

    `together` and `streaming` are those of a request; any common shape.
    """
    soft = _soft_maximum(device.figure("weights_exponent"), *np.broadcast_arrays(together, weights))
    return np.asarray(soft - np.maximum(together, streaming + weights)).clip(0.0)
