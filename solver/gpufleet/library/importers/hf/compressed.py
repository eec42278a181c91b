"""compressed-tensors: the format of LLM Compressor."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gpufleet.library.importers.hf.quant_source import AND_HEAD, BYTE, GROUP, SCALE_16, Source
from gpufleet.library.importers.hf.scheme import WHOLE, Scheme
from gpufleet.library.importers.hf.words import BY_HAND
from gpufleet.library.wording import one_of

STRATEGIES: Final = ("tensor", "channel", "group", "tensor_group", "block")


def compressed_tensors(source: Source) -> Scheme | None:
    """One group of linear layers; with more than one, which layer is in which is not looked at, and refused."""
    groups = source.values.get("config_groups")
    found = list(groups.items()) if isinstance(groups, dict) else []
    name, group = found[0] if len(found) == 1 else ("", None)
    if not isinstance(group, dict) or not isinstance(group.get("weights"), dict):
        source.add("config_groups", f"expected one group with its weights, got {len(found)}; {BY_HAND}")
        return None
    if group.get("targets", ["Linear"]) != ["Linear"]:
        source.add("config_groups", f"its targets are {group['targets']}, known is ['Linear']; {BY_HAND}")
    inner = Source(group["weights"], (*source.loc, "config_groups", name, "weights"), source.findings)
    scheme = _weights(inner, weight_only=group.get("input_activations") is None)
    cache = source.values.get("kv_cache_scheme")
    is_fp8 = isinstance(cache, dict) and cache.get("num_bits") == BYTE
    kept = source.kept("ignore")
    return scheme and replace(scheme, kept=kept, kv_cache="fp8" if is_fp8 else None, parts=AND_HEAD)


def _weights(source: Source, *, weight_only: bool) -> Scheme | None:
    block, kind = _block(source), (source.values.get("type", "int"), source.values.get("num_bits"))
    zero = 0 if source.values.get("symmetric", True) else kind[1]
    match kind:
        case ("float", 8):
            return Scheme("fp8", "fp8", 8, "ptq", block=block, weight_only=weight_only)
        case ("float", 4):
            return Scheme("nvfp4", "fp4", 4, "ptq", block=block, scale_bits=8, matrix_bits=32, weight_only=weight_only)
        case ("int", 8):
            return Scheme("int8", "int8", 8, "ptq", block=block, scale_bits=SCALE_16, weight_only=weight_only)
        case ("int", 4):
            bits = SCALE_16 + (zero or 0)
            return Scheme("int4", "int4", 4, "ptq", block=block, scale_bits=bits, weight_only=weight_only)
    source.add("num_bits", f"{kind[0]} {kind[1]} is not known here; known: float 8, float 4, int 8, int 4; {BY_HAND}")
    return None


def _block(source: Source) -> tuple[int | None, int | None]:
    """Weights that share a scale."""
    strategy = source.values.get("strategy")
    match strategy:
        case "group" | "tensor_group":
            return 1, source.whole("group_size", GROUP)
        case "channel":
            return 1, WHOLE
        case "block":
            return source.pair("block_structure") or (GROUP, GROUP)
        case "tensor" | None:
            return WHOLE, WHOLE
    source.add("strategy", f"{one_of(strategy, STRATEGIES)}; {BY_HAND}")
    return WHOLE, WHOLE
