"""What a plan does not know about a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.report.kubernetes.clock import Window

UNSET = "example.invalid/set-with-image-option"
"""No registry answers under .invalid (RFC 2606), so a pod with it fails where everyone sees it."""
IMAGES: Mapping[str, str] = {
    "vllm": "vllm/vllm-openai:v0.15.1",
    "vllm-rocm": "rocm/vllm:rocm7.0.0_vllm_0.11.2_20251210",
    "vllm-cpu": f"{UNSET}:vllm-cpu",
    "vllm-tpu": f"{UNSET}:vllm-tpu",
    "vllm-ascend": f"{UNSET}:vllm-ascend",
    "vllm-gaudi": f"{UNSET}:vllm-gaudi",
    "vllm-neuron": f"{UNSET}:vllm-neuron",
    "triton": f"{UNSET}:triton",
    "training": "pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime",
    "training-rocm": f"{UNSET}:training-rocm",
    "other": f"{UNSET}:other",
}
"""Public images by key, where there is a versioned one; recalled, so pin a digest of one that you have tried."""


@dataclass(frozen=True)
class KubernetesSettings:
    """What a plan does not know about a cluster."""

    namespace: str | None = None
    """None: made from the instance's `uid`."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Image by key of `IMAGES`, in place of the default."""
    model_claim: str = "models"
    """PersistentVolumeClaim with the checkpoints, mounted read-only under /models."""
    training_claim: str = "training"
    """PersistentVolumeClaim with data sets and checkpoints of training, mounted under /training."""
    timezone: str = "Etc/UTC"
    """Time zone of the clock, by its IANA name."""
    clock: Mapping[str, Window] = field(default_factory=dict)
    """When each period comes, by name; names such as `14h` or `weekend-03h` need none."""
    stage: str | None = None
    """Stage whose replicas are written; None: the first."""
    site: str | None = None
    """Only what runs at this site; None: everything."""

    def image(self, key: str) -> str:
        """The image of an engine."""
        return self.images.get(key, IMAGES[key])
