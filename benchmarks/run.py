"""Measure the figures of docs/benchmarks.md and write them there.

`make bench` runs it after the short part of the suite, whose results it puts on the page. Whole processes are timed
from outside, several times after a warm-up; what is quoted is the median.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from suite import page as suite

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
RUNS = 5
REFERENCE = ("medical-imaging", "ecommerce-recommender", "bank-assistant")


@dataclass(frozen=True)
class Process:
    """Median wall seconds and peak memory of a whole process."""

    seconds: float
    peak_mb: float


def measure(arguments: list[str], runs: int = RUNS) -> Process:
    """Run `gpufleet` with these arguments, `runs` times after one warm-up."""
    times, peaks = [], []
    for count in range(runs + 1):
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "gpufleet", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as child:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"gpufleet {' '.join(arguments)} ended with {child.returncode}")
        if count:
            times.append(time.perf_counter() - started)
            peaks.append(usage.ru_maxrss / 1024)
    return Process(statistics.median(times), max(peaks))


def processes() -> list[str]:
    """Rows: the whole process on the reference cases, and the help text."""
    rows = ["| command | median s | peak MB | goal |", "|---|---|---|---|"]
    help_ = measure(["--help"])
    rows.append(f"| `gpufleet --help` | {help_.seconds:.2f} | {help_.peak_mb:.0f} | 0.4 s |")
    for case in REFERENCE:
        done = measure(["solve", str(ROOT / "instances" / "reference" / f"{case}.yaml"), "--json"])
        rows.append(f"| `gpufleet solve {case}.yaml` | {done.seconds:.2f} | {done.peak_mb:.0f} | 3 s, 500 MB, gap 0 |")
    bank = measure(["solve", str(ROOT / "instances" / "estate" / "regional-bank.yaml"), "--gap", "0.001"], runs=2)
    cells = f"{bank.seconds:.1f} | {bank.peak_mb:.0f} | 30 s, gap 0.1 %"
    rows.append(f"| `gpufleet solve regional-bank.yaml --gap 0.001` | {cells} |")
    return rows


def enumeration() -> list[str]:
    """Rows: candidates enumerated, filtered, pruned and priced per second, in process."""
    from gpufleet import load_instance
    from gpufleet.candidates.enumerate import build_candidates
    from gpufleet.candidates.figures import forget
    from gpufleet.problem.build import build_problem

    rows = ["| instance | candidates | kept | median s | s per 10,000 | goal |", "|---|---|---|---|---|---|"]
    for case in REFERENCE:
        resolved = load_instance(ROOT / "instances" / "reference" / f"{case}.yaml")
        times = []
        for _ in range(RUNS + 1):
            forget()  # a second question of one process would be answered from memory
            started = time.perf_counter()
            candidates = build_candidates(resolved)
            build_problem(resolved, candidates)
            times.append(time.perf_counter() - started)
        seconds = statistics.median(times[1:])
        kept = sum(map(len, candidates.options.values()))
        total = kept + sum(map(len, candidates.rejections))
        rows.append(f"| {case} | {total:,} | {kept} | {seconds:.2f} | {seconds * 10_000 / total:.2f} | 2 s |")
    return rows


INTRODUCTION = """\
# Benchmarks

Written by `make bench` (`benchmarks/run.py`, `benchmarks/suite`); do not edit by hand.

Measured on {date} with {machine}.

Whole processes, median of {runs} runs after a warm-up; other work on a shared machine
can lengthen single figures.

## Whole process on the reference cases

{processes}

## Enumeration, filters, dominance and scaling to integers

{enumeration}

{suite}"""


def machine() -> str:
    """What the figures were measured on."""
    solvers = ", ".join(f"{name} {version(name)}" for name in ("gpufleet", "ortools", "pulp"))
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {solvers}"


def main() -> None:
    """Measure everything and write the page."""
    page = INTRODUCTION.format(
        date=time.strftime("%Y-%m-%d"),
        machine=machine(),
        runs=RUNS,
        processes="\n".join(processes()),
        enumeration="\n".join(enumeration()),
        suite=suite.text(),
    )
    PAGE.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
