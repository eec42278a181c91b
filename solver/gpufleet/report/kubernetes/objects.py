"""Serving forms as objects: Deployment or LeaderWorkerSet, Service, disruption budget, and replicas by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.kubernetes import pods
from gpufleet.report.kubernetes.clock import triggers
from gpufleet.report.kubernetes.serving import disaggregated, server, spanning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.report.kubernetes.clock import Window
    from gpufleet.report.kubernetes.forms import Form
    from gpufleet.report.kubernetes.pods import Context, Manifest
    from gpufleet.report.kubernetes.serving import Server

PROGRESS_SECONDS = 2400
"""Longer than the start-up probes allow, so that a roll-out is not given up before them."""


def serving_objects(context: Context, form: Form, windows: Mapping[str, Window]) -> list[Manifest]:
    """Everything of one form; warnings go to the context first, because annotations repeat them."""
    found = server(context, form)
    shape = form.entry.parallelism
    periods = [period.name for period in form.resolved.instance.periods]
    by_clock = not form.is_steady and all(name in windows for name in periods)
    if not form.is_steady and not by_clock:
        missing = ", ".join(name for name in periods if name not in windows)
        words = f"replicas change by the period, but {missing} has no place on the clock; give --clock"
        context.warn(form.name, f"no-clock: {words}; here are those of the busiest period")
    if form.nodes > 1 and shape.accelerators % form.nodes:
        words = f"{shape.accelerators} accelerators over {form.nodes} nodes do not come out even"
        context.warn(form.name, f"uneven-nodes: {words}; pods take the larger number")
    objects = _files(context, form, found)
    for role, count, times in _roles(context, form):
        target = _target(context, form, found, role, count, None if by_clock else form.most * times)
        objects += [target, _service(context, form, found, role)]
        if form.workload.redundancy.spare_nodes or form.workload.redundancy.survive_site_loss:
            objects.append(_disruption_budget(context, form, found, role))
        if by_clock:
            counted = [(windows[name], number * times) for name, number in zip(periods, form.counts, strict=True)]
            objects.append(_scaled(context, form, found, target, counted))
    return objects


def _roles(context: Context, form: Form) -> list[tuple[str, int, int]]:
    """(role, accelerators per pod, pods per replica); one role without a name where nothing is disaggregated."""
    shape = form.entry.parallelism
    if not shape.prefill_instances:
        return [("", -(-shape.accelerators // form.nodes), 1)]
    words = "a router in front must send each prompt to a prefill instance and then to a decode instance"
    context.warn(form.name, f"router: {words} (vLLM, NixlConnector Usage Guide); none is written")
    return [("prefill", shape.prefill_tensor, shape.prefill_instances), ("decode", shape.tensor, shape.data)]


def _named(form: Form, role: str) -> str:
    return f"{form.name}-{role}" if role else form.name


def _files(context: Context, form: Form, found: Server) -> list[Manifest]:
    """The ConfigMap of the server's files, if it has any."""
    if not found.files:
        return []
    about = pods.labels(context, form, found.engine)
    named = pods.metadata(context, form.name, about)
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": found.files}]


def _target(context: Context, form: Form, found: Server, role: str, count: int, replicas: int | None) -> Manifest:
    """What runs the pods; `replicas` None: an autoscaler says how many.

    Pods carry no annotations of the plan: a new plan that changes nothing here must not restart them.
    """
    about = pods.labels(context, form, found.engine, role)
    more = pods.expectations(context, form)
    more |= {"gpufleet/checkpoint": found.checkpoint} if found.checkpoint else {}
    named = pods.metadata(context, _named(form, role), about, more)
    number = {} if replicas is None else {"replicas": replicas}
    container = disaggregated(found.container, form, role) if role else found.container
    if form.nodes > 1 and not role:
        return _over_nodes(context, form, found, named, count, number)
    template = {"metadata": {"labels": about}, "spec": _pod(context, form, found, container, count)}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    selector = {"matchLabels": pods.selector_labels(form, role)}
    spec = {**number, "progressDeadlineSeconds": PROGRESS_SECONDS, "selector": selector, "strategy": strategy}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": {**spec, "template": template}}


def _over_nodes(context: Context, form: Form, found: Server, named: Manifest, count: int, number: Manifest) -> Manifest:
    """A LeaderWorkerSet: groups of pods, one per node, that start and fall together."""
    templates = {}
    for name, leads in (("leaderTemplate", True), ("workerTemplate", False)):
        container = spanning(form, found.container, leads=leads) if found.engine != "other" else found.container
        about = pods.labels(context, form, found.engine) | {"gpufleet/role": "leader" if leads else "worker"}
        templates[name] = {"metadata": {"labels": about}, "spec": _pod(context, form, found, container, count)}
    group = {"size": form.nodes, "restartPolicy": "RecreateGroupOnPodRestart", **templates}
    rollout = {"type": "RollingUpdate", "rollingUpdateConfiguration": {"maxSurge": 0, "maxUnavailable": 1}}
    spec = {**number, "startupPolicy": "LeaderCreated", "rolloutStrategy": rollout, "leaderWorkerTemplate": group}
    return {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "metadata": named, "spec": spec}


def _pod(context: Context, form: Form, found: Server, container: Manifest, count: int) -> Manifest:
    """The pod of a server, with what lays out its files."""
    spec = pods.pod_spec(context, form, container, count, context.settings.model_claim, pods.MODELS)
    if not found.prepare:
        return spec
    spec["volumes"] += [
        {"name": "repository", "emptyDir": {}},
        {"name": "config", "configMap": {"name": form.name}},
    ]
    mounts = [{"name": "repository", "mountPath": "/repository"}]
    spec["initContainers"] = [
        {
            "name": "lay-out",
            "image": container["image"],
            "command": ["sh", "-ec"],
            "args": ["\n".join(found.prepare)],
            "securityContext": spec["containers"][0]["securityContext"],
            "volumeMounts": [*mounts, {"name": "config", "mountPath": "/config", "readOnly": True}],
        }
    ]
    return spec


def _service(context: Context, form: Form, found: Server, role: str) -> Manifest:
    """Traffic goes to whoever answers requests: of several nodes, the leader."""
    about = pods.labels(context, form, found.engine, role)
    leads = {"gpufleet/role": "leader"} if form.nodes > 1 and not role else {}
    ports = [{"name": p["name"], "port": p["containerPort"]} for p in found.container["ports"]]
    spec = {"selector": pods.selector_labels(form, role) | leads, "ports": ports}
    named = pods.metadata(context, _named(form, role), about)
    return {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": spec}


def _disruption_budget(context: Context, form: Form, found: Server, role: str) -> Manifest:
    """One pod at a time may be moved on purpose, so that the spare room stays for failures."""
    about = pods.labels(context, form, found.engine, role)
    named = pods.metadata(context, _named(form, role), about)
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": pods.selector_labels(form, role)}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": named, "spec": spec}


def _scaled(
    context: Context, form: Form, found: Server, target: Manifest, counted: list[tuple[Window, int]]
) -> Manifest:
    """KEDA's ScaledObject: as many replicas as the plan has at that hour, down at once when the hour is over."""
    least, most = min(number for _, number in counted), max(number for _, number in counted)
    name = target["metadata"]["name"]
    behaviour = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    spec = {
        "scaleTargetRef": {"apiVersion": target["apiVersion"], "kind": target["kind"], "name": name},
        "minReplicaCount": least,
        "maxReplicaCount": most,
        "cooldownPeriod": 60,
        "advanced": {"horizontalPodAutoscalerConfig": behaviour},
        "triggers": triggers(counted, least, context.settings.timezone),
    }
    named = pods.metadata(context, name, pods.labels(context, form, found.engine))
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": named, "spec": spec}
