"""What all pods have in common: labels, annotations, where they may run, what they mount."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpufleet.report.kubernetes.accelerators import node_selector, resources, tolerations
from gpufleet.report.kubernetes.names import label_value, slug

if TYPE_CHECKING:
    from gpufleet.report.kubernetes.forms import Form
    from gpufleet.report.kubernetes.settings import KubernetesSettings

Manifest = dict[str, Any]
PORT = 8000
MODELS = "/models"
TRAINING = "/training"


@dataclass
class Context:
    """What the manifests of one plan share; warnings gather here."""

    settings: KubernetesSettings
    namespace: str
    instance: str
    plan_digest: str
    instance_digest: str
    protected: str | None
    """Name of the PriorityClass of what spare nodes are for; None where nothing asks for any."""
    warnings: dict[str, list[str]] = field(default_factory=dict)
    """By form (or `plan`); each starts with its name and a colon."""

    def warn(self, name: str, *words: str) -> None:
        """Note what a person must look at, once."""
        known = self.warnings.setdefault(name, [])
        known += [word for word in words if word not in known]


def selector_labels(form: Form, role: str = "") -> dict[str, str]:
    """What tells the pods of a form (and role) from all others."""
    more = {"gpufleet/role": role} if role else {}
    return {"app.kubernetes.io/instance": form.name, **more}


def labels(context: Context, form: Form, engine: str, role: str = "") -> dict[str, str]:
    """The recommended labels, and where it belongs."""
    return {
        "app.kubernetes.io/component": label_value(form.entry.workload),
        **selector_labels(form, role),
        "app.kubernetes.io/managed-by": "gpufleet",
        "app.kubernetes.io/name": engine,
        "app.kubernetes.io/part-of": label_value(context.instance),
        "gpufleet/site": label_value(form.entry.site),
    }


def expectations(context: Context, form: Form) -> dict[str, str]:
    """What the plan expects of it."""
    entry, figure = form.entry, form.tightest
    found = {
        "gpufleet/plan-digest": context.plan_digest,
        "gpufleet/instance-digest": context.instance_digest,
        "gpufleet/option": f"{entry.site}/{entry.node_type}/{form.label}",
        "gpufleet/expected-utilisation": f"{max(e.utilisation or 0.0 for e in form.entries):.3f}",
        "gpufleet/provenance": entry.provenance or "",
        "gpufleet/bottleneck": entry.bottleneck or "",
        "gpufleet/measures": ", ".join(entry.measures),
        "gpufleet/warnings": "; ".join(context.warnings.get(form.name, [])),
    }
    if figure is not None:
        words = f"{figure.metric} p{figure.percentile:g} {figure.predicted_ms:,.0f} of {figure.limit_ms:,.0f} ms"
        found["gpufleet/expected-latency"] = f"{words} ({figure.request_class})"
    if entry.training_days is not None:
        found["gpufleet/expected-days"] = f"{entry.training_days:.3f}"
    return {key: value for key, value in found.items() if value}


def metadata(context: Context, name: str, about: dict[str, str], more: dict[str, str] | None = None) -> Manifest:
    """Name, namespace, labels and annotations."""
    found: Manifest = {"name": name, "namespace": context.namespace, "labels": about}
    return found | ({"annotations": more} if more else {})


def pod_spec(
    context: Context, form: Form, container: Manifest, count: int, claim: str, mount: str, *, writes: bool = False
) -> Manifest:
    """A pod with one container that takes `count` accelerators of a node."""
    found = form.device
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": node_selector(form.resolved, form.site, form.node, form.entry.spot),
        "tolerations": tolerations(found, form.site, form.entry.spot),
        "priorityClassName": context.protected if form.workload.redundancy.spare_nodes else None,
        "topologySpreadConstraints": _spread(form),
        "containers": [
            {
                **container,
                "resources": resources(form.node, form.base, found, count),
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [
                    {"name": "files", "mountPath": mount, **({} if writes else {"readOnly": True})},
                    {"name": "shared-memory", "mountPath": "/dev/shm"},
                    *container.get("volumeMounts", []),
                ],
            }
        ],
        "volumes": [
            {"name": "files", "persistentVolumeClaim": {"claimName": claim, **({} if writes else {"readOnly": True})}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        ],
    }
    return {key: value for key, value in spec.items() if value not in (None, [], {})}


def _spread(form: Form) -> list[Manifest]:
    """Over nodes, where nodes may fail; a wish, because replicas must pack as the plan says."""
    redundancy = form.workload.redundancy
    keys = ["kubernetes.io/hostname"] if redundancy.spare_nodes or redundancy.survive_site_loss else []
    keys += ["topology.kubernetes.io/zone"] if redundancy.survive_site_loss else []
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector_labels(form)},
        }
        for key in keys
    ]


def probes(path: str, port: int) -> Manifest:
    """Up to half an hour for loading; traffic only once it answers; a restart when it no longer does."""
    check = {"httpGet": {"path": path, "port": port}}
    return {
        "startupProbe": {**check, "periodSeconds": 10, "failureThreshold": 180},
        "readinessProbe": {**check, "periodSeconds": 5, "failureThreshold": 2},
        "livenessProbe": {**check, "periodSeconds": 15, "failureThreshold": 4, "timeoutSeconds": 5},
    }


def model_path(form: Form) -> str:
    """Where the checkpoint lies on the claim."""
    assert form.card is not None
    return f"{MODELS}/{slug(form.card.name)}/{slug(form.entry.variant or 'original')}"
