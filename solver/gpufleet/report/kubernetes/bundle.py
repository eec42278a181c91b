"""All manifests of a plan as files, with a kustomization and a page that says what to do before applying them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from gpufleet.report.kubernetes import pods
from gpufleet.report.kubernetes.clock import mismatches, windows_of
from gpufleet.report.kubernetes.forms import forms_of, plan_digest
from gpufleet.report.kubernetes.names import label_value, slug
from gpufleet.report.kubernetes.objects import serving_objects
from gpufleet.report.kubernetes.readme import readme
from gpufleet.report.kubernetes.settings import KubernetesSettings
from gpufleet.report.kubernetes.training import training_objects
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.report.kubernetes.forms import Form
    from gpufleet.report.kubernetes.pods import Context, Manifest
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

HEADER = "# Written by gpufleet. Pin image digests (kustomization.yaml) before production.\n"
PROTECTED_PRIORITY = 100_000
"""Above the default of 0, far below those of the system."""


@dataclass(frozen=True)
class Manifests:
    """Kubernetes objects by file, and what a person must look at."""

    objects: dict[str, list[Manifest]]
    """By file name, `kustomization.yaml` left out."""
    kustomization: Manifest
    readme: str
    warnings: tuple[str, ...]
    """`form: name-of-the-warning: sentence`."""

    def files(self) -> dict[str, bytes]:
        """File name to content."""
        texts = {name: HEADER + _yaml(objects) for name, objects in self.objects.items()}
        texts["kustomization.yaml"] = HEADER + _yaml([self.kustomization])
        texts["README.md"] = self.readme
        return {name: text.encode() for name, text in texts.items()}


class _Dumper(yaml.SafeDumper):
    """Repeated parts written out: anchors are legal, but nobody reads them gladly."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Files within objects line by line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(objects: list[Manifest]) -> str:
    text: str = yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, explicit_start=len(objects) > 1, width=110, allow_unicode=True
    )
    return text


def kubernetes_manifests(
    resolved: ResolvedInstance, plan: Plan, settings: KubernetesSettings | None = None
) -> Manifests:
    """Manifests of everything that a plan runs, as `gpufleet export --format kubernetes` writes them.

    Nothing is solved or checked here: verify the plan first.
    """
    settings = settings or KubernetesSettings()
    context = _context(resolved, plan, settings)
    windows = windows_of(resolved, settings.clock)
    forms = list(forms_of(resolved, plan, settings))
    stages = [stage.name for stage in resolved.instance.stages]
    if stages and settings.stage is None:
        words = f"these are the replicas of {stages[0]}; write the other {len(stages) - 1} with --stage"
        context.warn("plan", f"stage: {words}")
    context.warn("plan", *(f"clock: {words}" for words in mismatches(resolved, windows)))
    objects = {"namespace.yaml": _shared(context)}
    for form in forms:
        make = training_objects if isinstance(form.workload, Training) else serving_objects
        objects[f"{form.name}.yaml"] = make(context, form, windows)
        _check_devices(context, form)
    routing = _routing(context, plan, forms)
    objects |= {"routing.yaml": routing} if routing else {}
    context.warnings = {name: words for name, words in context.warnings.items() if words}
    return Manifests(
        objects,
        _kustomization(context, objects),
        readme(resolved, plan, context, forms, objects),
        tuple(f"{name}: {word}" for name, words in context.warnings.items() for word in words),
    )


def _check_devices(context: Context, form: Form) -> None:
    """What a device plugin will not give."""
    name, here = form.accelerator.name, form.node.accelerators
    if not form.device.known:
        words = f"no device plugin is known here for {name}; its pods request no accelerator"
        context.warn(form.name, f"device-unknown: {words}")
    if form.accelerator.kind == "tpu" and form.entry.parallelism.accelerators % here:
        words = f"GKE hands out the {here} {name} of a machine together, the plan gives a replica fewer"
        context.warn(form.name, f"whole-machine: {words}")


def _context(resolved: ResolvedInstance, plan: Plan, settings: KubernetesSettings) -> Context:
    namespace = settings.namespace or slug(resolved.instance.uid)
    asks = any(workload.redundancy.spare_nodes for workload in resolved.instance.workloads)
    return pods.Context(
        settings=settings,
        namespace=namespace,
        instance=resolved.instance.uid,
        plan_digest=plan_digest(plan),
        instance_digest=resolved.digest,
        protected=f"{namespace}-protected" if asks else None,
    )


def _shared(context: Context) -> list[Manifest]:
    """Namespace, and the priority of workloads that spare nodes are for."""
    about = {"app.kubernetes.io/managed-by": "gpufleet", "app.kubernetes.io/part-of": label_value(context.instance)}
    found: list[Manifest] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": context.namespace, "labels": about}}
    ]
    if context.protected:
        found.append(
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": context.protected, "labels": about},
                "description": "Workloads that spare nodes are for; others give way when a node fails.",
                "value": PROTECTED_PRIORITY,
            }
        )
    return found


def _routing(context: Context, plan: Plan, forms: list[Form]) -> list[Manifest]:
    """Which service takes which share of a class, for whatever routes the traffic of workloads with several forms."""
    names = {id(entry): form for form in forms for entry in form.entries}
    several = {name for name, count in Counter(form.entry.workload for form in forms).items() if count > 1}
    shares: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for route in plan.routing:
        entry = plan.deployments[route.deployment]
        if route.workload in several and id(entry) in names and route.share:
            by_class = shares.setdefault(route.workload, {}).setdefault(entry.period or "always", {})
            by_class.setdefault(route.request_class, {})[names[id(entry)].name] = round(route.share, 6)
    if not shares:
        return []
    words = (
        "runs in several forms, each with a Service of its own; routing.yaml says what share of each class goes where"
    )
    for name in shares:
        context.warn("plan", f"routing: {name} {words}")
    about = {"app.kubernetes.io/managed-by": "gpufleet", "app.kubernetes.io/part-of": label_value(context.instance)}
    data = {f"{slug(name)}.json": json.dumps(found, indent=1) + "\n" for name, found in shares.items()}
    named = pods.metadata(context, "routing", about)
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": data}]


def _kustomization(context: Context, objects: dict[str, list[Manifest]]) -> Manifest:
    """Every file, and every image in one place, where digests are pinned."""
    images = sorted({image for found in objects.values() for image in _images(found)})
    pinned = [dict(zip(("name", "newTag"), image.rsplit(":", 1), strict=False)) for image in images if "@" not in image]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(objects),
        "images": [entry for entry in pinned if "newTag" in entry],
    }


def _images(found: object) -> list[str]:
    """Images anywhere in some objects."""
    if isinstance(found, list):
        return [image for member in found for image in _images(member)]
    if isinstance(found, dict):
        own = [found["image"]] if isinstance(found.get("image"), str) else []
        return own + [image for member in found.values() for image in _images(member)]
    return []
