"""Which parallelisms and batches are tried: those that are listed, else those that `solve` would try.

What is listed by name is answered one by one; of everything else the best is taken. A training question without any
size is answered by the number of accelerators, in powers of two of nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.candidates import grid
from gpufleet.candidates.replica_size import chain_below, packs_exactly
from gpufleet.performance.configurations import Configurations
from gpufleet.schema.workloads import LLMServing, Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.candidates.grid import Row
    from gpufleet.estimating.question import Question
    from gpufleet.schema.plan import Parallelism

Key = tuple[object, ...]


def settings_of(question: Question) -> Configurations:
    """Every setting to try, in a fixed order."""
    rows = _training(question) if isinstance(question.workload, Training) else _serving(question)
    table = np.array(sorted(set(rows)), dtype=np.float64).reshape(-1, 7)
    tensor, pipeline, data, expert, zero, again, batch = table.T
    return Configurations(tensor, pipeline, data, expert, zero, again.astype(bool), batch)


def key_of(question: Question, parallelism: Parallelism, batch: int) -> Key:
    """What a setting is listed under; settings with one key are alternatives, of which the best is shown."""
    wish = question.wish
    shape: tuple[int, ...] = (parallelism.tensor, parallelism.pipeline, parallelism.data)
    if isinstance(question.workload, Training) and not (wish.tensor or wish.pipeline or wish.data):
        shape = (parallelism.accelerators,)
    return (
        *shape,
        batch if wish.batch else None,
        parallelism.zero_stage if wish.zero else None,
        parallelism.recomputation if wish.recomputation is not None else None,
    )


def nodes_of(question: Question) -> int:
    """Most nodes that one replica may span."""
    if question.node_type.network_gb_s is None:
        return 1
    trains = isinstance(question.workload, Training)
    return question.wish.nodes or (grid.TRAINING_NODES_PER_REPLICA if trains else grid.SERVING_NODES_PER_REPLICA)


def _most(question: Question) -> int:
    """Most accelerators of a replica whose size is not listed by name."""
    whole = nodes_of(question) * question.node_type.accelerators
    return min(whole, question.node_type.largest_replica or whole)


def _shapes(question: Question) -> Iterator[tuple[int, int]]:
    """(tensor, pipeline)."""
    wish, card, node = question.wish, question.card, question.node_type
    nodes, most = nodes_of(question), _most(question)
    for tensor in wish.tensor or (size for size in grid.tensor_sizes(card, node) if size <= most):
        if wish.pipeline:
            yield from ((tensor, depth) for depth in wish.pipeline)
        else:
            usual = [depth for depth in grid.pipelines(card, tensor, node, nodes) if tensor * depth <= most]
            # a size that no solver would take is still answered for when it is asked for by name
            yield from ((tensor, depth) for depth in usual or [1])


def _serving(question: Question) -> Iterator[Row]:
    wish, card = question.wish, question.card
    usual = grid.LLM_BATCHES if isinstance(question.workload, LLMServing) else grid.REQUEST_BATCHES
    for tensor, pipeline in _shapes(question):
        for data in wish.data or (1,):
            for expert in grid.expert_sizes(card, tensor):
                yield from ((tensor, pipeline, data, expert, 0, False, batch) for batch in wish.batch or usual)


def _training(question: Question) -> Iterator[Row]:
    wish, workload = question.wish, question.workload
    assert isinstance(workload, Training)
    again = (False, True) if wish.recomputation is None else (wish.recomputation,)
    for tensor, pipeline in _shapes(question):
        for data in wish.data or _ranks(question, tensor * pipeline, workload.global_batch):
            for zero in _stages(wish.zero, data):
                for micro in wish.batch or grid.MICRO_BATCHES:
                    if wish.batch or micro * data <= workload.global_batch:
                        yield from ((tensor, pipeline, data, 1, zero, flag, micro) for flag in again)


def _stages(listed: Sequence[int], data: int) -> Sequence[int]:
    """ZeRO stages; one rank alone has nothing to share."""
    return (0,) if data == 1 else listed or (0, 1, 2, 3)


def _ranks(question: Question, model_parallel: int, global_batch: int) -> list[int]:
    """Data-parallel sizes: chain sizes of a node, then powers of two of nodes."""
    node, most = question.node_type.accelerators, _most(question)
    totals = {size for size in chain_below(node) if size <= most}
    count = 1
    while node * count <= most:
        totals.add(node * count)
        count *= 2
    sizes = (total // model_parallel for total in sorted(totals) if total % model_parallel == 0)
    found = [size for size in sizes if 0 < size <= global_batch and packs_exactly(size * model_parallel, node)]
    return found or [1]
