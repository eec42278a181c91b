"""A stand-in for the package aiconfigurator-core: the calls that are used of it, with figures by simple formulas.

With b requests on a replica: TPOT is 4 + b/10 ms over the tensor size, TTFT 10 ms and another per 100 prompt tokens of
the budget. 30,000 tokens of cache fit on each accelerator. Its tables know systems `h100_sxm` and `l40s`, and no INT4.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from gpufleet.library.sources import aiconfigurator

if TYPE_CHECKING:
    import pytest

VERSION = "0.12.0"
ENGINE_VERSION = "1.0"
CACHE_TOKENS = 30_000
PUBLISHED = {"openai/gpt-oss-20b": {"layers": 24, "hidden_size": 2880, "vocab": 201088}}
"""Configurations that it brings along."""
SYSTEMS = {"A": "h100_sxm", "B": "b200_sxm"}


class PerfDataNotAvailableError(Exception):
    """As the package says it."""


@dataclass
class Answer:
    """A summary."""

    figures: dict[str, float]
    fits: bool

    def check_oom(self) -> bool:
        return False

    def check_kv_cache_oom(self) -> bool:
        return not self.fits

    def get_result_dict(self) -> dict[str, float]:
        return self.figures

    def get_per_ops_data(self) -> dict[str, dict[str, float]]:
        plain = self.figures["tpot"]
        steps = {"num_mix_steps": 6.0, "num_genonly_steps": 94.0, "mix_step_latency_ms": 3 * plain}
        return {"scheduling": {**steps, "genonly_step_latency_ms": plain}}


def run_agg(model: Any, database: Any, runtime: Any, ctx_tokens: int) -> Answer:
    """One operating point."""
    b, tensor, pipeline = runtime.batch_size, model.config["tensor"], model.config["pipeline"]
    tpot, ttft = (4 + b / 10) / tensor, 10 + ctx_tokens / 100
    latency = ttft + tpot * (runtime.osl - 1)
    figures = {"tpot": tpot, "ttft": ttft, "request_latency": latency, "seq/s": 1000 * b * pipeline / latency}
    return Answer(figures, b * (runtime.isl + runtime.osl) <= CACHE_TOKENS * tensor)


def build_model_config(tensor: int, pipeline: int, data: int, moe_tp: int, moe_ep: int, **modes: Any) -> dict[str, Any]:
    """What `get_model` takes."""
    return {"tensor": tensor, "pipeline": pipeline, "data": data, "moe_tp": moe_tp, "moe_ep": moe_ep, **modes}


def get_model(path: str, config: dict[str, Any], engine: str) -> Any:
    """Reads the shape from a folder."""
    if config["gemm_quant_mode"] == "int4_wo":
        raise PerfDataNotAvailableError("perf database error: GEMM data missing for int4_wo: tried all")
    shape = PUBLISHED.get(path) or json.loads((Path(path) / "config.json").read_text())
    return SimpleNamespace(config=config, shape=shape, engine=engine)


def latest(system: str, engine: str) -> str | None:
    """Newest tables."""
    return ENGINE_VERSION if system in ("h100_sxm", "l40s") else None


def install(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put it where the package would be; returns the list of models that are built."""
    built: list[Any] = []

    def remembered(path: str, config: dict[str, Any], engine: str) -> Any:
        built.append(get_model(path, config, engine))
        return built[-1]

    kept = {"context_attention": ["bfloat16", "fp8"]}
    calls: dict[str, dict[str, Any]] = {
        "models": {"get_model": remembered},
        "models.helpers": {"resolve_context_fmha_by_data": lambda *_, **__: None},
        "backends.factory": {"get_backend": lambda name: SimpleNamespace(run_agg=run_agg)},
        "perf_database": {
            "get_latest_database_version": latest,
            "get_database_view": lambda *_, **__: SimpleNamespace(supported_quant_mode=kept),
        },
        "utils": {"get_model_config_from_model_path": lambda path: PUBLISHED[path]},
        "common": {"DefaultHFModels": set(PUBLISHED)},
        "config": {"RuntimeConfig": SimpleNamespace},
        "config_builders": {"build_model_config": build_model_config},
    }
    for name in ("aiconfigurator_core", "aiconfigurator_core.sdk", "aiconfigurator_core.sdk.backends"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for home, functions in calls.items():
        module = ModuleType(f"aiconfigurator_core.sdk.{home}")
        for name, function in functions.items():
            setattr(module, name, function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(importlib.metadata, "version", lambda _: VERSION)
    monkeypatch.setattr(aiconfigurator, "SYSTEMS", SYSTEMS)
    return built


def remove(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package were not installed."""
    for name in [name for name in sys.modules if name.startswith("aiconfigurator_core")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiconfigurator_core", None)
