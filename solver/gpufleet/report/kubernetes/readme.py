"""The page beside the manifests: what the cluster must have, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.kubernetes import pods
from gpufleet.report.kubernetes.accelerators import node_selector
from gpufleet.report.pools import pool_counts
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.report.kubernetes.forms import Form
    from gpufleet.report.kubernetes.pods import Context, Manifest
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def readme(
    resolved: ResolvedInstance, plan: Plan, context: Context, forms: list[Form], objects: dict[str, list[Manifest]]
) -> str:
    """What the cluster must have, and what is left to do, in Markdown."""
    kinds = {found["kind"] for members in objects.values() for found in members}
    lines = [f"# {resolved.instance.title}", ""]
    lines += [f"Manifests of a plan for `{context.instance}` (plan {context.plan_digest[:12]}), by gpufleet.", ""]
    lines += ["## What is here", "", *_forms(forms), ""]
    lines += ["## Nodes", "", *_nodes(resolved, plan), ""]
    lines += ["## Before you apply", "", *(f"- {step}" for step in _steps(context, forms, kinds)), ""]
    lines += ["    kubectl apply -k . --dry-run=server", "    kubectl apply -k .", ""]
    if context.warnings:
        lines += ["## Look at these", ""]
        lines += [f"- `{name}`: {word}" for name, words in context.warnings.items() for word in words] + [""]
    return "\n".join(lines)


def _forms(forms: list[Form]) -> list[str]:
    rows = ["| name | workload | where | form | replicas |", "|---|---|---|---|---|"]
    for form in forms:
        count = str(form.most) if form.is_steady else f"{min(form.counts)} to {form.most}"
        where = f"{form.entry.node_type} at {form.entry.site}"
        rows.append(f"| `{form.name}` | {form.entry.workload} | {where} | {form.label} | {count} |")
    return rows


def _nodes(resolved: ResolvedInstance, plan: Plan) -> list[str]:
    rows = ["| nodes, at most | node type | site | labels that select them |", "|---|---|---|---|"]
    for (site, node_type, spot), counts in pool_counts(resolved, plan).items():
        chosen = node_selector(resolved, resolved.sites[site], resolved.node_types[node_type], spot)
        words = ", ".join(f"`{key}={value}`" for key, value in chosen.items())
        rows.append(f"| {max(counts)} | {node_type}{' (spot)' if spot else ''} | {site} | {words} |")
    return rows


def _steps(context: Context, forms: list[Form], kinds: set[str]) -> list[str]:
    """Only what these manifests need."""
    resources = sorted({form.device.resource for form in forms if form.device.resource})
    found = ["Pin a digest of every image in `kustomization.yaml`; the tags there are starting points."]
    if resources:
        found.append(f"Device plugins that offer {', '.join(f'`{name}`' for name in resources)}.")
    partitioned = sorted({(form.base.name, form.device.resource) for form in forms if form.node.partition_of}, key=str)
    found += [
        f"MIG on some nodes `{base}`, so that they offer `{resource}` (mixed strategy; label `nvidia.com/mig.config`)."
        for base, resource in partitioned
    ]
    if any(not isinstance(form.workload, Training) and form.card for form in forms):
        claim = context.settings.model_claim
        found.append(
            f"A PersistentVolumeClaim `{claim}`: checkpoints under `{pods.MODELS}/MODEL/VARIANT`, as the arguments say."
        )
    if any(isinstance(form.workload, Training) for form in forms):
        claim = context.settings.training_claim
        found.append(
            f"A PersistentVolumeClaim `{claim}` (ReadWriteMany for several nodes): data, checkpoints, program."
        )
        found.append(
            "`train.py` is yours: it resumes from the last checkpoint, and ends at once with code 0 when done."
        )
    found += ["LeaderWorkerSet (lws.sigs.k8s.io) installed."] if "LeaderWorkerSet" in kinds else []
    found += ["KEDA (keda.sh) installed; it sets the replicas by the clock."] if "ScaledObject" in kinds else []
    found.append("A scheduler that packs (`NodeResourcesFit` with `MostAllocated`): the plan counts on full nodes.")
    found.append("One cluster per site? Write each with `--site NAME`.")
    return found
