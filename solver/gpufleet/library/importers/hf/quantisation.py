"""`quantization_config` of a `config.json`, or an `hf_quant_config.json`, to a scheme."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.hf.compressed import compressed_tensors
from gpufleet.library.importers.hf.quant_source import AND_HEAD, GROUP, SCALE_16, Source
from gpufleet.library.importers.hf.scheme import WHOLE, Scheme
from gpufleet.library.importers.hf.tensors import Part
from gpufleet.library.importers.hf.words import BY_HAND
from gpufleet.library.wording import one_of, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings


def _fp8(source: Source) -> Scheme:
    """FP8 with FP32 scales per block of 128 x 128, or per matrix."""
    block = source.pair("weight_block_size")
    kept = source.kept("modules_to_not_convert", "ignored_layers")
    sizes = block or (WHOLE, WHOLE)
    return Scheme("fp8", "fp8", 8, "ptq", block=sizes, kept=kept)


def _mxfp4(source: Source) -> Scheme:
    """Expert matrices in FP4 with an 8-bit scale per 32 inputs; the rest as it is."""
    return Scheme(
        "mxfp4", "fp4", 4, "ptq", block=(1, 32), scale_bits=8, weight_only=True,
        parts=frozenset({Part.EXPERT}), kept=source.kept("modules_to_not_convert"),
    )  # fmt: skip


def _integers(source: Source, method: str) -> Scheme:
    """AWQ and GPTQ: INT4 or INT8 with an FP16 scale and a packed zero point per group."""
    key = "bits" if "bits" in source.values or method == "gptq" else "w_bit"
    bits = source.values.get(key, 4)
    if bits not in (4, 8):
        source.add(key, f"{one_of(bits, ['4', '8'])}; there is no precision for it here, {BY_HAND}")
        bits = 4
    group = source.whole("group_size" if "group_size" in source.values else "q_group_size", GROUP)
    has_zeros = method == "gptq" or source.values.get("zero_point", True)
    index_bits = 32 if method == "gptq" else 0
    scheme = Scheme(
        f"int{bits}-{method}", "int4" if bits == 4 else "int8", bits, "awq" if method == "awq" else "gptq",
        block=(1, group), scale_bits=SCALE_16 + (bits if has_zeros else 0), index_bits=index_bits, weight_only=True,
        kept=source.kept("modules_to_not_convert"),
    )  # fmt: skip
    return replace(scheme, parts=AND_HEAD) if source.values.get("lm_head") is True else scheme


def _fbgemm(source: Source) -> Scheme:
    """FP8 with an FP32 scale per output."""
    return Scheme("fp8", "fp8", 8, "ptq", block=(1, WHOLE), kept=source.kept("modules_to_not_convert"))


_MODELOPT: Final[dict[str, Scheme]] = {
    "FP8": Scheme("fp8", "fp8", 8, "ptq"),
    "FP8_PER_CHANNEL_PER_TOKEN": Scheme("fp8", "fp8", 8, "ptq", block=(1, WHOLE)),
    "FP8_PB_WO": Scheme("fp8", "fp8", 8, "ptq", block=(GROUP, GROUP), weight_only=True),
    "NVFP4": Scheme("nvfp4", "fp4", 4, "ptq", block=(1, 16), scale_bits=8, matrix_bits=32),
    "NVFP4_AWQ": Scheme("nvfp4-awq", "fp4", 4, "awq", block=(1, 16), scale_bits=8, matrix_bits=32),
    "W4A16_AWQ": Scheme("int4-awq", "int4", 4, "awq", block=(1, GROUP), scale_bits=SCALE_16, weight_only=True),
    "INT8_SQ": Scheme("int8-sq", "int8", 8, "ptq", block=(1, WHOLE)),
}
"""By `quant_algo` of TensorRT Model Optimizer."""


def _modelopt(source: Source) -> Scheme | None:
    """TensorRT Model Optimizer: algorithm, group size, modules left out, and the cache's precision."""
    algorithm, cache = source.values.get("quant_algo"), source.values.get("kv_cache_quant_algo")
    if not isinstance(algorithm, str) or algorithm not in _MODELOPT:
        source.add("quant_algo", f"{one_of(algorithm, _MODELOPT)}; {BY_HAND}")
        return None
    if cache not in (None, "FP8"):
        source.add("kv_cache_quant_algo", f"{one_of(cache, ['FP8', 'null'])}; {BY_HAND}")
    stated = source.values.get("kv_cache_scheme")
    is_fp8 = cache == "FP8" or (isinstance(stated, dict) and stated.get("num_bits") == 8)
    scheme = _MODELOPT[algorithm]
    if scheme.block[1] is not WHOLE and source.values.get("group_size"):
        scheme = replace(scheme, block=(scheme.block[0], source.whole("group_size", scheme.block[1])))
    kept = source.kept("exclude_modules", "ignore")
    return replace(scheme, kept=kept, parts=AND_HEAD, kv_cache="fp8" if is_fp8 else None)


_METHODS: Final[dict[str, Callable[[Source], Scheme | None]]] = {
    "fp8": _fp8,
    "mxfp4": _mxfp4,
    "awq": lambda source: _integers(source, "awq"),
    "gptq": lambda source: _integers(source, "gptq"),
    "fbgemm_fp8": _fbgemm,
    "compressed-tensors": compressed_tensors,
    "modelopt": _modelopt,
    "modelopt_fp4": _modelopt,
}
"""By `quant_method`."""


def read_scheme(values: Any, loc: Loc, findings: Findings) -> Scheme | None:
    """The scheme of a `quantization_config`. Problems are noted."""
    if not isinstance(values, dict):
        findings.add(loc, f"expected a mapping, got {show(values)}; correct it")
        return None
    source, method = Source(values, loc, findings), values.get("quant_method")
    if not isinstance(method, str) or method not in _METHODS:
        message = "missing" if method is None else f"{show(method)} is not known here"
        source.add("quant_method", f"{message}; known: {', '.join(_METHODS)}; {BY_HAND}")
        return None
    return _METHODS[method](source)


def read_modelopt_file(values: Mapping[str, Any], findings: Findings) -> Scheme | None:
    """The scheme of an `hf_quant_config.json`. Problems are noted."""
    inner = values.get("quantization")
    if not isinstance(inner, dict):
        findings.add(("quantization",), "missing: this is no hf_quant_config.json of TensorRT Model Optimizer")
        return None
    return _modelopt(Source(inner, ("quantization",), findings))
