"""Rules on disaggregated replicas: allowed, of whole instances inside nodes, and with room for what each kind holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.base import BITS
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import LLMServing

if TYPE_CHECKING:
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.plan import Deployment
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import RequestServing, Training
    from gpufleet.verification.violation import Findings


def check_split(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    deployment: Deployment,
    where: str,
    findings: Findings,
) -> None:
    """Everything about a deployment with prefill instances; nothing about others."""
    cut, shape = deployment.parallelism, card.architecture
    if not cut.prefill_instances:
        return
    allowed = isinstance(workload, LLMServing) and workload.disaggregated
    message = f"{workload.name} does not ask for disaggregated replicas, but it has {cut.prefill_instances} for prompts"
    if not findings.check("disaggregated", where, allowed, message) or not isinstance(shape, Decoder):
        return
    node = resolved.node_types[deployment.node_type]
    prefill, decode = cut.prefill_instances * cut.prefill_tensor, cut.data * cut.tensor
    heads, spread = shape.attention.heads, cut.expert in (1, cut.tensor)
    spread &= cut.expert == 1 or shape.experts % cut.prefill_tensor == 0
    for holds, message in (
        (
            cut.pipeline == 1,
            f"disaggregated instances have no pipeline stages, but pipeline is {cut.pipeline}",
        ),
        (not cut.zero_stage and not cut.recomputation, "ZeRO and recomputation are for training"),
        (
            node.accelerators % cut.prefill_tensor == 0 and node.accelerators % cut.tensor == 0,
            f"prefill_tensor {cut.prefill_tensor} and tensor {cut.tensor} do not divide {node.accelerators}: an "
            "instance would straddle nodes",
        ),
        (heads % cut.prefill_tensor == 0, f"prefill_tensor {cut.prefill_tensor} does not divide the {heads} heads"),
        (spread, f"experts are spread over whole instances or not at all, not over {cut.expert}"),
        (
            prefill + decode <= node.accelerators or node.network_gb_s is not None,
            f"{prefill} + {decode} accelerators leave the node of {node.accelerators}, which has no network",
        ),
        (deployment.batch >= cut.data, f"batch {deployment.batch} leaves some of {cut.data} decode instances empty"),
    ):
        findings.check("parallelism", where, holds, message)
    _check_room(resolved, workload, card, shape, deployment, where, findings)


def _check_room(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    shape: Decoder,
    deployment: Deployment,
    where: str,
    findings: Findings,
) -> None:
    """Weights and the cache of one request fit into an instance of either kind, by arithmetic of its own.

    A bound from below (the whole instance, no workspace), so that it can never contradict the performance model.
    """
    variant = next((variant for variant in card.variants if variant.name == deployment.variant), None)
    memory_gb = resolved.accelerator_of(deployment.node_type).memory_gb
    if variant is None or memory_gb is None or not isinstance(workload, LLMServing):
        return
    weights = card.parameters * variant.bits_per_weight / 8e9
    cut, attention = deployment.parallelism, shape.attention
    cached = BITS[variant.kv_cache] / 8 if variant.kv_cache else 1 if BITS[variant.compute_precision] <= 8 else 2
    token = 2 * attention.kv_heads * attention.head_dim * shape.layers * cached / 1e9
    token *= attention.kind == "full"
    longest = {
        "prefill": max(group.input_tokens - workload.cached_tokens(group) for group in workload.classes),
        "decode": max(group.input_tokens + group.output_tokens for group in workload.classes),
    }
    for kind, size in (("prefill", cut.prefill_tensor), ("decode", cut.tensor)):
        needed = weights + longest[kind] * token
        message = f"a {kind} instance needs {needed:.4g} GB at least, its {size} accelerators have {size * memory_gb:g}"
        excess = needed - size * memory_gb
        findings.check("memory", where, excess <= 0, message, excess, "GB")
