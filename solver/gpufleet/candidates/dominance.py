"""Pruning options that another option of the same workload and pool can always replace.

Option j replaces option k when floor(a_k / a_j) replicas of j, which take no more accelerators than one replica of
k, sustain at least k's rate in every class. Any plan that uses k stays feasible, and costs the same, with j in its
place: accelerators are counted exactly (`replica_size`), and nothing else in the model depends on the option. When
the number of replicas is capped, only one-for-one replacement is allowed.

Rules on failures and budgets per workload keep this true, because j and k are of one workload and one pool:
- spare nodes: the protected accelerators on the pool do not grow, and the pool is in use before and after;
- loss of a site: both options are lost together, or j carries elsewhere at least what k carried, class by class;
- budgets per workload: an accelerator of the pool is charged the same, whichever option holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def undominated(
    accelerators: npt.NDArray[np.int64], rates: npt.NDArray[Any], one_for_one: bool
) -> npt.NDArray[np.bool_]:
    """Mask of the options to keep.

    `accelerators` has shape (n,), `rates` (n, C) in requests/s: floats, or fractions, which are compared exactly. Of
    options that replace each other, the first in the order (fewest accelerators, highest total rate, position) is kept.
    """
    if len(accelerators) == 1:
        return np.ones(1, dtype=bool)
    keep = np.zeros(len(accelerators), dtype=bool)
    kept_accelerators = np.zeros(0, dtype=np.int64)
    kept_rates = np.zeros((0, rates.shape[1]), dtype=rates.dtype)
    order = np.lexsort((np.arange(len(accelerators)), -rates.sum(axis=1).astype(float), accelerators))
    if rates.shape[1] == 1 and len(order):
        # with one class, the first of each size replaces all others of it; float order may differ for exact fractions
        sizes = accelerators[order]
        order = order if rates.dtype == object else order[np.r_[True, sizes[1:] != sizes[:-1]]]
    for index in order:
        copies = np.ones_like(kept_accelerators) if one_for_one else accelerators[index] // kept_accelerators
        if np.any(np.all(kept_rates * copies[:, None] >= rates[index], axis=1)):
            continue
        keep[index] = True
        kept_accelerators = np.append(kept_accelerators, accelerators[index])
        kept_rates = np.vstack([kept_rates, rates[index]])
    return keep
