"""Operating points of replicas by aiconfigurator: what it is asked, and what its answers say.

A replica is asked about at a ladder of loads. At each, several budgets of prompt tokens per iteration are tried, and
the smallest counts whose rate is within a hundredth of the best: a larger one only delays first tokens. Loads at which
its cache does not fit are left out.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from gpufleet.library.sources.hf_config import hf_config
from gpufleet.library.sources.names import PUBLISHED, SYSTEMS, modes_of
from gpufleet.library.sources.package import DISTRIBUTION, Package, quiet
from gpufleet.library.sources.spread import latencies
from gpufleet.schema.measurements import Measurement
from gpufleet.schema.models import Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpufleet.library.sources.names import Modes
    from gpufleet.schema.measurements import Shape, Size
    from gpufleet.schema.models import ModelCard, Variant

LOADS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Requests in flight per replica."""
PROMPT_TOKENS: Final = 8192
"""Most prompt tokens per iteration, unless a single prompt has more."""
AS_GOOD: Final = 0.99
DIGITS: Final = 6


class NotCoveredError(Exception):
    """The package has no answer; the message says why, `about` what."""

    def __init__(self, message: str, about: Literal["accelerator", "model", "variant", "replica"] = "replica") -> None:
        super().__init__(message)
        self.about = about


@dataclass
class Aiconfigurator:
    """The package with the tables of one engine; `folder` takes configurations that it reads."""

    package: Package
    engine: str
    folder: Path
    _opened: dict[Any, Any] = field(default_factory=dict)

    def label(self, system: str) -> str:
        """Engine of the rows: `aiconfigurator 0.12.0 (trtllm 1.0)`."""
        return f"aiconfigurator {self.package.version} ({self.engine} {self._version(system)})"

    def rows(
        self,
        card: ModelCard,
        variant: Variant,
        accelerator: str,
        node_type: str | None,
        shape: Shape,
        sizes: Sequence[Size],
        loads: Sequence[int] = LOADS,
    ) -> list[Measurement]:
        """Rows for one form of a replica. Raises NotCoveredError where the package has nothing for it."""
        system = self._system(accelerator)
        model, database, backend = self._replica(card, variant, system, shape)
        names = {"model": card.name, "variant": variant.name, "accelerator": accelerator, "node_type": node_type}
        tensor, pipeline, data, expert = shape
        form = {"tensor": tensor, "pipeline": pipeline, "data": data, "expert": expert}
        label = self.label(system)
        source = f"{DISTRIBUTION} {self.package.version} (NVIDIA), tables of {system}; computed, not measured"
        rows = []
        for size in sizes:
            tokens = {"input_tokens": size[0], "output_tokens": size[1]}
            for load in loads:
                answer = self._best(model, database, backend, size, load, pipeline)
                if answer is not None:
                    rows.append(
                        Measurement(**names, **form, **tokens, **answer, engine=label, modelled=True, source=source)
                    )
        return rows

    # ------------------------------------------------------------------------------------------ what is asked

    def _system(self, accelerator: str) -> str:
        if accelerator not in SYSTEMS:
            raise NotCoveredError("no tables for this accelerator", "accelerator")
        return SYSTEMS[accelerator]

    def _version(self, system: str) -> str:
        key = ("version", system)
        if key not in self._opened:
            with quiet():
                self._opened[key] = self.package.get_latest_database_version(system, self.engine)
        if self._opened[key] is None:
            raise NotCoveredError(f"no tables of {self.engine} for this accelerator", "accelerator")
        return str(self._opened[key])

    def _database(self, system: str) -> Any:
        key = ("database", system)
        if key not in self._opened:
            with quiet():
                self._opened[key] = self.package.get_database_view(
                    system,
                    self.engine,
                    self._version(system),
                    allow_missing_data=False,
                    database_mode="SILICON",
                    transfer_policy=None,
                )
        if self._opened[key] is None:
            raise NotCoveredError(f"no tables of {self.engine} for this accelerator", "accelerator")
        return self._opened[key]

    def _config(self, card: ModelCard) -> str:
        """What the package reads the shape of a model from: a name that it knows, or a folder."""
        key = ("config", card.name)
        if key not in self._opened:
            self._opened[key] = self._published(card) if card.name in PUBLISHED else self._written(card)
        if self._opened[key] is None:
            raise NotCoveredError("the card does not tell the shape of its layers", "model")
        return str(self._opened[key])

    def _published(self, card: ModelCard) -> str | None:
        """The configuration that the package brings along (one to download is none), if the card is about its model."""
        shape, path = card.architecture, PUBLISHED[card.name]
        if path not in self.package.DefaultHFModels:
            return None
        with quiet(), _reasons():
            known = self.package.get_model_config_from_model_path(path)
        if not isinstance(shape, Decoder):
            return None
        same = (known["layers"], known["hidden_size"], known["vocab"]) == (
            shape.layers,
            shape.hidden_size,
            shape.vocabulary,
        )
        return path if same else None

    def _written(self, card: ModelCard) -> str | None:
        config = hf_config(card)
        if config is None:
            return None
        folder = self.folder / str(len(self._opened))
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return str(folder)

    def _replica(self, card: ModelCard, variant: Variant, system: str, shape: Shape) -> tuple[Any, Any, Any]:
        modes = modes_of(card, variant)
        if modes is None:
            arithmetic = f"{variant.precision} weights with {variant.compute_precision} arithmetic"
            raise NotCoveredError(f"no tables for {arithmetic}", "variant")
        path, database = self._config(card), self._database(system)
        with quiet(), _reasons():
            config = self._model_config(card, modes, shape, database)
            if modes.gemm is None:
                self.package.resolve_context_fmha_by_data(config, path, database, self.engine, is_context_role=True)
            model = self.package.get_model(path, config, self.engine)
            return model, database, self.package.get_backend(self.engine)

    def _model_config(self, card: ModelCard, modes: Modes, shape: Shape, database: Any) -> Any:
        tensor, pipeline, data, expert = shape
        is_moe = isinstance(card.architecture, Decoder) and card.architecture.experts > 0
        prompt = None
        if modes.gemm is not None:
            kept = database.supported_quant_mode["context_attention"]
            prompt = "fp8" if modes.kv_cache == "fp8" and "fp8" in kept else "bfloat16"
        return self.package.build_model_config(
            tensor,
            pipeline,
            data,
            tensor * data // expert if is_moe else None,
            expert if is_moe else None,
            gemm_quant_mode=modes.gemm,
            kvcache_quant_mode=modes.kv_cache,
            fmha_quant_mode=prompt,
            moe_quant_mode=modes.moe if is_moe else None,
        )

    # ------------------------------------------------------------------------------------------- what is said

    def _best(
        self, model: Any, database: Any, backend: Any, size: Size, load: int, pipeline: int
    ) -> dict[str, float] | None:
        """Columns of the row at a load; None where it does not fit, or cannot be spread over the stages."""
        if load > pipeline and load % pipeline:
            return None
        answers = []
        for budget in budgets(size[0]):
            with quiet(), _reasons():
                config = self.package.RuntimeConfig(isl=size[0], osl=size[1], batch_size=max(load // pipeline, 1))
                answers.append(backend.run_agg(model, database, config, ctx_tokens=budget))
        answers = [answer for answer in answers if not (answer.check_oom() or answer.check_kv_cache_oom())]
        found = [_columns(answer, size, load, pipeline) for answer in answers]
        best = max((columns["requests_per_s"] for columns in found), default=0.0)
        return next((columns for columns in found if best > 0 and columns["requests_per_s"] >= AS_GOOD * best), None)


def budgets(prompt: int) -> list[int]:
    """Prompt tokens per iteration to try, ascending: one whole prompt, and twice as many as long as they are usual."""
    found = [prompt]
    while 2 * found[-1] <= PROMPT_TOKENS:
        found.append(2 * found[-1])
    return found


def _columns(answer: Any, size: Size, load: int, pipeline: int) -> dict[str, float]:
    """Rate and latencies. Fewer requests than stages leave stages idle: their rate follows by Little's law."""
    said, steps = answer.get_result_dict(), answer.get_per_ops_data()["scheduling"]
    rate = said["seq/s"] if load >= pipeline else load * 1000.0 / said["request_latency"]
    values = {"concurrency": float(load), "requests_per_s": rate, **latencies(said, steps, size[1])}
    return {name: rounded(value) for name, value in values.items()}


def rounded(value: float) -> float:
    """As a table writes it, so that a table and a solve say the same on every machine."""
    return float(f"{value:.{DIGITS}g}")


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever the package raises becomes the reason why it has no answer: it has many ways to say so."""
    try:
        yield
    except Exception as error:
        raise NotCoveredError(_words(error)) from error


def _words(error: Exception) -> str:
    """The first clause of what the package says."""
    if "no silicon" in str(error) or type(error).__name__ == "PerfDataNotAvailableError":
        what = str(error).removeprefix("perf database error: ").split(" missing")[0].split(":")[0]
        return f"not in its tables: {what[:80]}"
    return f"refused: {str(error).splitlines()[0][:80] if str(error) else type(error).__name__}"


def shapes(card: ModelCard, accelerators: int) -> Iterator[Shape]:
    """Forms of a replica inside a node: beyond it, the network counts, of which the tables know their own alone."""
    shape = card.architecture
    if not isinstance(shape, Decoder):
        return
    powers = [2**p for p in range(accelerators.bit_length()) if 2**p <= accelerators]
    for tensor in (size for size in powers if shape.attention.heads % size == 0):
        for pipeline in (size for size in powers if size * tensor <= accelerators and size <= shape.layers):
            split = shape.experts > 0 and tensor > 1 and shape.experts % tensor == 0
            yield from ((tensor, pipeline, 1, expert) for expert in ((1, tensor) if split else (1,)))
