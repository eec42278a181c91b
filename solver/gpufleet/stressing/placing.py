"""Which replicas are left where none may be moved: each stands on fixed nodes, and is gone with any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gpufleet.scenarios.draws import Bools, Integers
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.fleet import Moment
    from gpufleet.verification.slices import PoolName


def replicas_left(resolved: ResolvedInstance, moment: Moment, down: dict[PoolName, Bools], samples: int) -> Integers:
    """(samples, forms) replicas of the plan whose nodes are all up.

    They are placed in descending size without gaps, which packs because sizes divide each other: those of the node type
    itself first, then those of each partition on nodes of their own.
    """
    left = np.zeros((samples, len(moment.forms)), dtype=np.int64)
    next_node: dict[PoolName, int] = {}
    order = sorted(
        {form.pool for form in moment.forms},
        key=lambda pool: (resolved.node_types[pool[1]].partition_of is not None, pool),
    )
    for pool in order:
        node = resolved.node_types[pool[1]]
        base = (pool[0], node.partition_of or pool[1], pool[2])
        first, place = next_node.get(base, 0), 0
        gone = down.get(base, np.zeros((samples, 0), dtype=np.bool_))
        inside = [k for k, form in enumerate(moment.forms) if form.pool == pool]
        for k in sorted(inside, key=lambda k: (-moment.forms[k].accelerators, k)):
            size = moment.forms[k].accelerators
            for _ in range(moment.planned[k]):
                nodes = slice(first + place // node.accelerators, first + (place + size - 1) // node.accelerators + 1)
                left[:, k] += ~gone[:, nodes].any(axis=1)
                place += size
        next_node[base] = first - (-place // node.accelerators)
    return left
