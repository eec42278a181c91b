"""The first plan: what the master mixes from one cover alone stays, the rest is solved as a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.decomposition.parts import part_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks
    from gpufleet.optimize.decomposition.generation import Generated
    from gpufleet.optimize.decomposition.neighbourhoods import Neighbourhoods
    from gpufleet.optimize.decomposition.parts import Part

    Ints = NDArray[np.int64]

WHOLE = 1 - 1e-6
"""Weight from which a cover counts as chosen."""


def first_parts(blocks: Blocks, generated: Generated, near: Neighbourhoods) -> Iterator[tuple[Ints, Part, bool]]:
    """(values of what stays, the part to solve, is it rough): at first only what is outside the blocks, which is rough
    where the master mixes; then what it mixes too; then more and more, the whole model last."""
    values, mixed = _rounded(blocks, generated)
    if generated.solution is not None and mixed.any():
        yield values, _part(blocks, near, values, np.empty(0, np.int64)), True
    dear = np.argsort(-near.least, kind="stable")
    share = 0.0
    while share < 1.0:
        loose = np.union1d(np.flatnonzero(mixed), dear[: int(np.ceil(share * len(dear)))])
        yield values, _part(blocks, near, values, loose), False
        share = 0.15 if share == 0.0 else share * 2.5
    yield values, part_of(blocks.matrix, values, np.arange(len(values))), False


def _rounded(blocks: Blocks, generated: Generated) -> tuple[Ints, NDArray[np.bool_]]:
    """(values, which blocks are mixed): the heaviest cover of every block, and nothing else."""
    values = blocks.matrix.lower.copy()
    mixed = np.ones(len(blocks.demand), np.bool_)
    if generated.solution is None or not len(generated.master):
        return values, mixed
    weights, owner = generated.solution.weights, np.array(generated.master.owner[: len(generated.solution.weights)])
    heaviest = np.full(len(blocks.demand), -1)
    for q in np.argsort(weights, kind="stable"):
        heaviest[owner[q]] = q
    counts = generated.master.counts()
    for block, q in enumerate(heaviest.tolist()):
        mixed[block] = weights[q] < WHOLE
        first, last = counts.indptr[q], counts.indptr[q + 1]
        values[blocks.items[counts.indices[first:last]]] = counts.data[first:last]
    return values, mixed


def _part(blocks: Blocks, near: Neighbourhoods, values: Ints, loose: Ints) -> Part:
    """Loose blocks and everything outside the blocks, free."""
    inside = blocks.items[np.isin(blocks.owner, loose)]
    inside = inside[near.worth[inside] | (values[inside] > 0)]
    free = np.sort(np.concatenate((inside, blocks.others)))
    return part_of(blocks.matrix, values, free)
