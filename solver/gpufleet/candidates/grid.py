"""Which parallelisms and batches are tried, per workload kind and node type.

Tensor parallelism stays inside a node; pipeline and data parallelism may span nodes. Data parallelism of a
training run counts in whole nodes beyond the first, so that a fleet of 6 nodes is found when 6 are enough. On a
partitioned node every replica takes one instance, because instances do not reach each other. Disaggregated replicas
(`split_rows`) fill every size of the chain with prefill and decode instances of one tensor-parallel size each.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.candidates.replica_size import chain_below, packs_exactly
from gpufleet.performance.estimate import Configurations
from gpufleet.schema.models import Convolutional, Decoder, Recommender
from gpufleet.schema.workloads import LLMServing, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.models import ModelCard

SERVING_NODES_PER_REPLICA = 4
TRAINING_NODES_PER_REPLICA = 128
LLM_BATCHES = tuple(2**power for power in range(10))
REQUEST_BATCHES = tuple(2**power for power in range(13))
MICRO_BATCHES = (1, 2, 4, 8, 16)
PIPELINES = (1, 2, 4, 8, 16)

Row = tuple[int, int, int, int, int, bool, int]
"""tensor, pipeline, data, expert, zero stage, recomputation, batch"""
SplitRow = tuple[int, int, int, int, int, bool, int, int, int]
"""The same, and prefill instances and their tensor-parallel size"""


def configurations(
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    node_type: NodeType,
    most_nodes: int | None,
    measured: Iterable[Row] = (),
) -> Configurations:
    """Every configuration to try on a node type of which at most `most_nodes` can be had (None: no limit), and those
    that were measured."""
    if isinstance(workload, Training):
        rows = _training(workload, card, node_type, most_nodes)
    else:
        rows = _serving(workload, card, node_type, most_nodes)
    most = node_type.largest_replica
    if most is not None:
        rows = (row for row in rows if row[0] * row[1] * row[2] <= most)
    split: Iterable[SplitRow] = ()
    if isinstance(workload, LLMServing) and workload.disaggregated and most is None:
        split = split_rows(workload, card, node_type, most_nodes)
    together = {(*row, 0, 1) for row in (*rows, *measured)}
    table = np.array(sorted({*together, *split}), dtype=np.float64).reshape(-1, 9)
    return Configurations(
        tensor=table[:, 0],
        pipeline=table[:, 1],
        data=table[:, 2],
        expert=table[:, 3],
        zero_stage=table[:, 4],
        recomputation=table[:, 5].astype(bool),
        batch=table[:, 6],
        prefill_instances=table[:, 7],
        prefill_tensor=table[:, 8],
    )


def split_rows(
    workload: LLMServing, card: ModelCard, node_type: NodeType, most_nodes: int | None
) -> Iterable[SplitRow]:
    """Disaggregated replicas of every size that packs: instances never straddle nodes, because their sizes divide it.

    Over several nodes at least one kind takes whole nodes: smaller instances find each other inside one.
    """
    node, nodes = node_type.accelerators, _spanned_nodes(node_type, most_nodes, SERVING_NODES_PER_REPLICA)
    tensors = tensor_sizes(card, node_type)
    sizes = (*chain_below(node), *(node * count for count in range(2, nodes + 1)))
    for size, prefill, decode in product(sizes, tensors, tensors):
        experts = expert_sizes(card, decode) if _spreads(card, prefill) else [1]
        for instances in range(1, (size - 1) // prefill + 1):
            data, rest = divmod(size - instances * prefill, decode)
            if not rest and (size <= node or node in (prefill, decode)):
                for expert, batch in product(experts, _batches(workload)):
                    if batch >= data:
                        yield decode, 1, data, expert, 0, False, batch, instances, prefill


def _spreads(card: ModelCard, tensor: int) -> bool:
    """Can experts be spread over a tensor group of this size?"""
    return isinstance(card.architecture, Decoder) and card.architecture.experts % tensor == 0


def _serving(
    workload: LLMServing | RequestServing, card: ModelCard, node_type: NodeType, most_nodes: int | None
) -> Iterable[Row]:
    batches = _batches(workload)
    nodes = _spanned_nodes(node_type, most_nodes, SERVING_NODES_PER_REPLICA)
    for tensor in tensor_sizes(card, node_type):
        for pipeline in pipelines(card, tensor, node_type, nodes):
            for expert in expert_sizes(card, tensor):
                yield from ((tensor, pipeline, 1, expert, 0, False, batch) for batch in batches)


def _batches(workload: LLMServing | RequestServing) -> tuple[int, ...]:
    """Powers of two up to the largest batch that is allowed, and that one."""
    batches = LLM_BATCHES if isinstance(workload, LLMServing) else REQUEST_BATCHES
    if workload.max_batch is None:
        return batches
    return (*(b for b in batches if b < workload.max_batch), workload.max_batch)


def _training(workload: Training, card: ModelCard, node_type: NodeType, most_nodes: int | None) -> Iterable[Row]:
    nodes = _spanned_nodes(node_type, most_nodes, TRAINING_NODES_PER_REPLICA)
    for tensor in tensor_sizes(card, node_type):
        for pipeline in pipelines(card, tensor, node_type, nodes):
            for data in _data_sizes(tensor * pipeline, node_type.accelerators, nodes):
                for zero in (0, 1, 2, 3) if data > 1 else (0,):
                    for micro in MICRO_BATCHES:
                        if micro * data <= workload.global_batch:
                            yield from ((tensor, pipeline, data, 1, zero, again, micro) for again in (False, True))


def _spanned_nodes(node_type: NodeType, most_nodes: int | None, cap: int) -> int:
    """Most nodes that one replica may span."""
    if node_type.network_gb_s is None:
        return 1
    return cap if most_nodes is None else max(1, min(cap, most_nodes))


def tensor_sizes(card: ModelCard, node_type: NodeType) -> list[int]:
    """Sizes inside a node that divide the attention heads evenly."""
    sizes = [size for size in chain_below(node_type.accelerators) if size & (size - 1) == 0]
    if isinstance(card.architecture, Decoder):
        sizes = [size for size in sizes if card.architecture.attention.heads % size == 0]
    return sizes


def pipelines(card: ModelCard, tensor: int, node_type: NodeType, nodes: int) -> list[int]:
    """Pipeline depths whose replica packs exactly; only models of stacked layers are cut into stages."""
    if isinstance(card.architecture, Recommender | Convolutional):
        return [1]
    limit = nodes * node_type.accelerators
    return [
        depth
        for depth in PIPELINES
        if depth <= card.architecture.layers
        and tensor * depth <= limit
        and packs_exactly(tensor * depth, node_type.accelerators)
    ]


def expert_sizes(card: ModelCard, tensor: int) -> list[int]:
    """Experts sharded over the tensor group, or each expert cut like everything else."""
    if not isinstance(card.architecture, Decoder) or not card.architecture.experts or tensor == 1:
        return [1]
    return [1, tensor] if card.architecture.experts % tensor == 0 else [1]


def _data_sizes(model_parallel: int, node: int, nodes: int) -> list[int]:
    """Data-parallel sizes whose replica packs exactly: chain sizes inside a node, then whole nodes."""
    totals = {size for size in chain_below(node) if size >= model_parallel}
    totals |= {node * count for count in range(1, nodes + 1) if count <= 16 or count % _stride(count) == 0}
    return sorted(
        total // model_parallel for total in totals if total >= model_parallel and total % model_parallel == 0
    )


def _stride(count: int) -> int:
    """Coarser steps for larger runs: every 4 nodes to 64, every 16 beyond."""
    return 4 if count <= 64 else 16
