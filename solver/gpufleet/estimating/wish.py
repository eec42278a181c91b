"""What a person asks for, as it comes in: names, sizes, lists of settings; nothing is checked yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import SLO

INPUT_TOKENS: Final = 1024
OUTPUT_TOKENS: Final = 256
ITEMS: Final = 1
MAX_UTILISATION: Final = 0.9
GLOBAL_BATCH: Final = 512
SEQUENCE_TOKENS: Final = 4096
"""Where the model's context is that long."""
SAMPLES: Final = 1e6
EPOCHS: Final = 1.0

SLO_FORM: Final = re.compile(r"(?P<metric>\w+):p?(?P<percentile>[0-9.]+):(?P<limit>[0-9.]+)(?P<unit>ms|s|)\Z")
METRICS: Final[Mapping[str, str]] = {"e2e": "end_to_end", "latency": "end_to_end"}
"""Short names of metrics."""


@dataclass(frozen=True)
class Wish:
    """One question; None and empty = not said."""

    model: str | ModelCard
    accelerator: str | Accelerator
    node: str | NodeType | None = None
    accelerators: int | None = None
    network_gb_s: float | None = None
    nodes: int | None = None
    engine: str | None = None
    variants: Sequence[str] = ()
    tensor: Sequence[int] = ()
    pipeline: Sequence[int] = ()
    data: Sequence[int] = ()
    batch: Sequence[int] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None
    slo: Sequence[SLO | str] = ()
    max_utilisation: float | None = None
    train: bool = False
    global_batch: int | None = None
    sequence_tokens: int | None = None
    samples: float | None = None
    epochs: float | None = None
    zero: Sequence[int] = ()
    recomputation: bool | None = None

    def given(self, names: Sequence[str]) -> list[str]:
        """Those of the named fields that somebody filled in."""
        return [name for name in names if getattr(self, name) not in (None, (), [])]


def slo_fields(text: str) -> dict[str, object] | None:
    """Fields of an SLO written as `ttft:p95:1000ms` (`e2e:99:2s`); None when it is written in no such way."""
    found = SLO_FORM.match(text.strip().lower())
    if found is None:
        return None
    try:
        percentile, limit = float(found["percentile"]), float(found["limit"])
    except ValueError:
        return None
    factor = 1000.0 if found["unit"] == "s" else 1.0
    metric = METRICS.get(found["metric"], found["metric"])
    return {"metric": metric, "percentile": percentile, "limit_ms": limit * factor}
