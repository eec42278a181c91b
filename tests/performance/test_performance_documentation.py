"""The documented efficiencies are the ones in use."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from gpufleet.performance.calibration import COMPUTE, DEFAULT, MEMORY_BANDWIDTH

PAGE = (Path(__file__).parents[2] / "docs" / "performance-model.md").read_text(encoding="utf-8")


def test_compute_table() -> None:
    rows = [f"| {f} | {p} | {bits} | {e.value:.2f} | {e.source} |" for (f, p, bits), e in COMPUTE.items()]
    assert [row for row in rows if row not in PAGE] == []


def test_bandwidth_table() -> None:
    rows = [f"| {kind} | {entry.value:.2f} | {entry.source} |" for kind, entry in MEMORY_BANDWIDTH.items()]
    assert [row for row in rows if row not in PAGE] == []


def test_other_figures() -> None:
    names = [f.name for f in dataclasses.fields(DEFAULT) if f.name not in ("compute", "bandwidth")]
    rows = [f"| `{name}` | {getattr(DEFAULT, name):g} |" for name in names]
    assert [row for row in rows if row not in PAGE] == []
