"""What Kubernetes calls accelerators and the nodes that carry them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpufleet.report.kubernetes.names import label_value

if TYPE_CHECKING:
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.offers import Site
    from gpufleet.schema.resolved import ResolvedInstance

MIG = re.compile(r"-(\d+g\.\d+gb)$")
LABELLED = ("AWS", "Azure", "GCP")
"""Clouds whose managed Kubernetes sets node.kubernetes.io/instance-type to the machine type."""
GKE_TPU = {"TPU v4": "tpu-v4-podslice", "TPU v5e": "tpu-v5-lite-podslice", "TPU v5p": "tpu-v5p-slice"}
GKE_TPU |= {"TPU v6e": "tpu-v6e-slice"}
GKE_TOPOLOGY = {1: "1x1", 4: "2x2", 8: "2x4"}
"""Of one machine; GKE documentation, "Plan TPUs in GKE" (recalled). v4 and v5p are three-dimensional: 2x2x1."""
SPOT = {
    "AWS": ({"eks.amazonaws.com/capacityType": "SPOT"}, []),
    "GCP": ({"cloud.google.com/gke-spot": "true"}, ["cloud.google.com/gke-spot"]),
    "Azure": ({"kubernetes.azure.com/scalesetpriority": "spot"}, ["kubernetes.azure.com/scalesetpriority"]),
}
"""Labels of spot nodes and keys of their taints: EKS, GKE and AKS documentation (recalled)."""
HOST_SHARE = 0.8
"""Share of a node's CPU and memory that its replicas request together; the rest is for the system and daemons."""


@dataclass(frozen=True)
class Device:
    """An accelerator as a Kubernetes resource."""

    resource: str | None
    """Extended resource; None for CPUs, and where no device plugin is known to us."""
    taint: str | None
    """Key of the taint that such nodes usually carry."""
    known: bool = True


def device(accelerator: Accelerator) -> Device:
    """Resource names as the vendors' device plugins register them."""
    if accelerator.kind == "cpu":
        return Device(None, None)
    if accelerator.vendor == "NVIDIA":
        profile = MIG.search(accelerator.name)
        return Device(f"nvidia.com/mig-{profile[1]}" if profile else "nvidia.com/gpu", "nvidia.com/gpu")
    names = {
        ("AMD", "gpu"): "amd.com/gpu",
        ("Google", "tpu"): "google.com/tpu",
        ("AWS", "npu"): "aws.amazon.com/neuron",
        ("Huawei", "npu"): "huawei.com/Ascend910",
        ("Intel", "npu"): "habana.ai/gaudi",
        ("Cambricon", "npu"): "cambricon.com/mlu",
    }
    name = names.get((accelerator.vendor, accelerator.kind))
    return Device(name, name, known=name is not None)


def node_selector(resolved: ResolvedInstance, site: Site, node: NodeType, spot: str | None) -> dict[str, str]:
    """Labels of the nodes: those of clouds where these set them, `gpufleet/...` labels of your own elsewhere."""
    base = resolved.node_types[node.partition_of] if node.partition_of else node
    selector: dict[str, str] = {}
    provider = site.provider or ""
    prefix = f"{provider.lower()}-"
    if site.kind == "public_cloud" and provider in LABELLED and base.name.startswith(prefix):
        selector["node.kubernetes.io/instance-type"] = label_value(base.name.removeprefix(prefix))
    else:
        selector["gpufleet/node-type"] = label_value(base.name)
    if site.kind == "public_cloud" and site.region:
        selector["topology.kubernetes.io/region"] = label_value(site.region)
    else:
        selector["gpufleet/site"] = label_value(site.name)
    return selector | _tpu(resolved, base) | (_spot(provider)[0] if spot else {})


def _tpu(resolved: ResolvedInstance, node: NodeType) -> dict[str, str]:
    """What GKE wants to be told about TPUs."""
    family = resolved.accelerator_of(node.name).family
    if family not in GKE_TPU or not node.name.startswith("gcp-"):
        return {}
    three = family in ("TPU v4", "TPU v5p")
    topology = "2x2x1" if three else GKE_TOPOLOGY.get(node.accelerators, "")
    found = {"cloud.google.com/gke-tpu-accelerator": GKE_TPU[family], "cloud.google.com/gke-tpu-topology": topology}
    return {key: value for key, value in found.items() if value}


def _spot(provider: str) -> tuple[dict[str, str], list[str]]:
    return SPOT.get(provider, ({"gpufleet/term": "spot"}, []))


def tolerations(found: Device, site: Site, spot: str | None) -> list[dict[str, str]]:
    """Of the taints that nodes with accelerators, and spot nodes, usually carry."""
    keys = ([found.taint] if found.taint else []) + (_spot(site.provider or "")[1] if spot else [])
    return [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys]


def resources(node: NodeType, base: NodeType, found: Device, count: int) -> dict[str, Any]:
    """Requests and limits of one pod with `count` accelerators: its share of the host, and the accelerators."""
    share = HOST_SHARE * count / node.accelerators
    requests: dict[str, str] = {}
    if base.host_vcpus:
        requests["cpu"] = f"{max(int(1000 * share * base.host_vcpus), 100)}m"
    if base.host_memory_gb:
        requests["memory"] = f"{max(int(1024 * share * base.host_memory_gb), 256)}Mi"
    limits = {found.resource: str(count)} if found.resource else {}
    return {key: value for key, value in (("requests", requests | limits), ("limits", limits)) if value}
