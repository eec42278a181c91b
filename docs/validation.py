"""Writes docs/validation.md: predictions against measurements, from the calibration and its cross-validated rows.

    python docs/validation.py [--check]

Reads `calibration/bundled.yaml` and `benchmarks/measured/cross_validated.csv`, which `gpufleet calibrate` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gpufleet.library import Library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.calibration import Figure

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "validation.md"
ROWS = ROOT / "benchmarks" / "measured" / "cross_validated.csv"
DOMAINS = {
    "llm_rate": "Language serving: throughput",
    "llm_ttft": "Language serving: time to first token",
    "llm_tpot": "Language serving: time per output token",
    "request_rate": "Recommenders, vision, encoders, speech, diffusion",
    "training_step": "Training: time of a step",
}


def main() -> None:
    """Write the page and its pictures; with --check, fail if the page is not what would be written."""
    frame = pd.read_csv(ROWS)
    text = "\n".join(page(frame)) + "\n"
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != text:
            sys.exit("docs/validation.md is out of date: run python docs/validation.py")
        return
    PAGE.write_text(text, encoding="utf-8")
    for domain in DOMAINS:
        picture(frame[frame.domain == domain], domain)


def page(frame: pd.DataFrame) -> Iterator[str]:
    """Lines of the page."""
    calibration = Library.open().calibration
    yield from (ROOT / "docs" / "validation-intro.md").read_text(encoding="utf-8").splitlines()
    yield ""
    yield "## Errors by domain"
    yield ""
    yield "| what | rows | groups | median | 90th percentile | 90 % interval of measured / predicted | inside |"
    yield "|---|---:|---:|---:|---:|---|---:|"
    for stated in calibration.intervals:
        rows = frame[frame.domain == stated.domain]
        ratio = rows.measured / rows.predicted
        inside = ((ratio >= stated.low) & (ratio <= stated.high)).mean()
        yield (
            f"| {DOMAINS[stated.domain]} | {stated.rows} | {stated.groups} | {stated.median_error:.1%} "
            f"| {stated.p90_error:.1%} | {stated.low:.2f} to {stated.high:.2f} | {inside:.0%} |"
        )
    for domain, title in DOMAINS.items():
        yield from section(frame[frame.domain == domain], domain, title)
    yield from figures(calibration.figures)


def section(rows: pd.DataFrame, domain: str, title: str) -> Iterator[str]:
    """Errors of one domain by kind of measurement and by accelerator."""
    yield ""
    yield f"## {title}"
    yield ""
    yield f"![Predicted against measured: {title.lower()}](img/validation-{domain}.png)"
    yield ""
    yield from table(rows, ["kind"], "kind of measurement")
    yield ""
    yield from table(rows, ["accelerator"], "accelerator")


def table(rows: pd.DataFrame, by: list[str], title: str) -> Iterator[str]:
    """Errors by some columns."""
    yield f"| {title} | rows | median | 90th percentile | bias |"
    yield "|---|---:|---:|---:|---:|"
    for name, group in rows.groupby(by, sort=True):
        off = (group.predicted / group.measured - 1.0).abs()
        bias = (group.predicted / group.measured).median() - 1.0
        label = ", ".join(name) if isinstance(name, tuple) else str(name)
        yield f"| {label} | {len(group)} | {off.median():.1%} | {off.quantile(0.9):.1%} | {bias:+.1%} |"


def figures(every: tuple[Figure, ...]) -> Iterator[str]:
    """All figures of the calibration."""
    yield ""
    yield "## Figures"
    yield ""
    yield "Fitted figures name the rows that depend on them; the others say where they come from."
    yield ""
    yield "| figure | holds for | value | rows | source |"
    yield "|---|---|---:|---:|---|"
    for figure in every:
        where = (figure.engine, figure.model, figure.family, figure.phase, figure.bits and f"{figure.bits} bits")
        holds = ", ".join(part for part in where if part) or "all"
        source = "fitted" if figure.rows else figure.source.replace("|", "/")
        yield f"| `{figure.parameter}` | {holds} | {figure.value:.4g} | {figure.rows or ''} | {source} |"


def picture(rows: pd.DataFrame, domain: str) -> None:
    """Predicted against measured, one colour a kind of measurement, with lines at +-20 %."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    drawing, axes = plt.subplots(figsize=(7.0, 6.0), dpi=120)
    for number, (kind, group) in enumerate(rows.groupby("kind", sort=True)):
        marker = "os^Dv<>P"[number // 10 % 8]
        axes.scatter(group.measured, group.predicted, s=14, marker=marker, label=f"{kind} ({len(group)})", alpha=0.75)
    ends = [rows[["measured", "predicted"]].min().min() / 1.3, rows[["measured", "predicted"]].max().max() * 1.3]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    for share in (0.8, 1.2):
        axes.plot(ends, [share * end for end in ends], color="grey", linewidth=0.6, linestyle="--")
    unit = {"llm_rate": "output tokens/s", "request_rate": "samples/s", "training_step": "s"}.get(domain, "ms")
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel=f"measured, {unit}", ylabel=f"predicted, {unit}")
    axes.set_title("Each point predicted without its model and accelerator; dashed: ±20 %", fontsize=9)
    axes.legend(fontsize=6, loc="upper left")
    target = ROOT / "docs" / "img" / f"validation-{domain}.png"
    target.parent.mkdir(exist_ok=True)
    drawing.tight_layout()
    drawing.savefig(target, metadata={"Software": ""})
    plt.close(drawing)


if __name__ == "__main__":
    main()
