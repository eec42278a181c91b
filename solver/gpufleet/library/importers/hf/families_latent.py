"""Mixtures of experts with latent attention: DeepSeek V2 and V3, Kimi K2, GLM-5, GLM-4.7-Flash."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gpufleet.library.importers.hf.attention import indexed, latent, latent_fields, latent_remarks
from gpufleet.library.importers.hf.families_moe import after_dense, has_correction, shared_by_count
from gpufleet.library.importers.hf.feed_forward import mixture
from gpufleet.library.importers.hf.style import Experts, Style

_ANY: Final = {"head_dim": 192}
"""Not used by latent attention; hidden / heads need not be whole."""
_COUNT: Final = ("n_routed_experts",)
_PER_TOKEN: Final = ("num_experts_per_tok",)
_V2: Final = Experts(_COUNT, _PER_TOKEN, sparse=after_dense(0), shared_width=shared_by_count(0))
_V3: Final = Experts(
    _COUNT, _PER_TOKEN, sparse=after_dense(3), correction_bias=has_correction, shared_width=shared_by_count(1)
)
_LITE: Final = replace(_V3, sparse=after_dense(1), correction_bias=lambda _: True)
_V3_STYLE: Final = Style(
    latent,
    mixture,
    {"max_position_embeddings": 4096, **_ANY},
    experts=_V3,
    fields=latent_fields,
    remarks=latent_remarks,
)
_INDEXED_STYLE: Final = Style(
    indexed,
    mixture,
    {"max_position_embeddings": 163840, **_ANY},
    experts=_V3,
    fields=latent_fields,
    remarks=latent_remarks,
    harmless=("index_share_for_mtp_iteration",),
)

STYLES: Final[dict[str, Style]] = {
    "deepseek_v2": Style(
        latent,
        mixture,
        {"max_position_embeddings": 2048, **_ANY},
        experts=_V2,
        fields=latent_fields,
        remarks=latent_remarks,
    ),
    "deepseek_v3": _V3_STYLE,
    "kimi_k2": _V3_STYLE,
    "glm4_moe_lite": replace(_V3_STYLE, defaults={"max_position_embeddings": 202752, **_ANY}, experts=_LITE),
    "deepseek_v32": _INDEXED_STYLE,
    "glm_moe_dsa": _INDEXED_STYLE,
}
"""By `model_type`."""
