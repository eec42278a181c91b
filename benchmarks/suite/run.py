"""Run the suite: every instance with every engine, on the same machine, one after the other, each a whole process.

    python -m suite.run --short                       what `make bench` runs
    python -m suite.run                               everything, each instance with its own time limit
    python -m suite.run --instance routed-20x40 --engine gpufleet --engine highs --time-limit 5

Results go to benchmarks/results/<version>.csv; rows of the same instance and engine are replaced. Best known values are
updated with verified plans only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import catalogue, results
from suite.engines import ENGINES, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.catalogue import Entry
    from suite.results import Row

SHORT_LIMIT_S = 8.0
GRACE_S = 120.0
"""What a process may take beyond its limit, for loading and writing, before it is killed."""
HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Process:
    """How a process ended."""

    code: int
    """Exit code; negative: killed."""
    seconds: float
    peak_mb: float
    errors: str


def main() -> None:
    """Run what is asked for."""
    asked = _arguments()
    path = results.FOLDER / f"{asked.version}.csv"
    old = results.read(path) if path.is_file() else []
    new: list[Row] = []
    for row in rows(asked):
        new.append(row)
        print(_line(row), flush=True)
        results.write(path, results.merged(old, new))
        _remember(row, asked.version)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help=f"small instances, {SHORT_LIMIT_S:g} s each")
    parser.add_argument("--instance", action="append", choices=catalogue.ENTRIES, metavar="NAME", help="repeatable")
    parser.add_argument("--family", action="append", help="all instances of a family; repeatable")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="repeatable; default: all")
    parser.add_argument("--time-limit", type=float, help="seconds for each, instead of the instance's own")
    parser.add_argument("--version", default=version("gpufleet"), help="name of the results file")
    return parser.parse_args()


def rows(asked: argparse.Namespace) -> Iterator[Row]:
    """One row after the other, as they are measured."""
    engines = [ENGINES[name] for name in asked.engine or ENGINES]
    for entry in _entries(asked):
        limit = asked.time_limit or (SHORT_LIMIT_S if asked.short else entry.seconds)
        file = catalogue.ensure(entry)
        for engine in engines:
            if engine.families is None or entry.family in engine.families:
                yield measured(entry.name, engine, file, limit)


def _entries(asked: argparse.Namespace) -> list[Entry]:
    if asked.instance:
        return [catalogue.ENTRIES[name] for name in asked.instance]
    chosen = [entry for entry in catalogue.ENTRIES.values() if entry.is_short or not asked.short]
    return [entry for entry in chosen if not asked.family or entry.family in asked.family]


def measured(instance: str, engine: Engine, file: Path, limit: float) -> Row:
    """Run one engine on one instance, and have its plan verified by a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "plan.json"
        done = run(engine.command(file, limit, out), limit + GRACE_S)
        plan = json.loads(out.read_text()) if out.is_file() else None
        report = _verified(file, out) if plan is not None and plan.get("nodes") else None
    if done.code not in (0, 3, 4) and plan is None and done.code >= 0:
        print(f"{instance} {engine.name}: exit code {done.code}: {done.errors[-500:]}", file=sys.stderr)
    certificate = (plan or {}).get("certificate") or {}
    return results.Row(
        instance=instance,
        engine=engine.name,
        limit_s=limit,
        seconds=round(done.seconds, 2),
        peak_mb=round(done.peak_mb),
        status=_status(done, plan),
        objective_usd=None if report is None else report["cost_usd"],
        bound_usd=certificate.get("bound_usd"),
        verified=report is not None and report["ok"],
        confirmed_usd=None if report is None else report["bound"]["bound_usd"],
    )


def _status(done: Process, plan: dict[str, Any] | None) -> str:
    if plan is not None:
        return str(plan.get("status") or "plan")
    return "killed" if done.code < 0 else "none" if done.code in (3, 4) else "error"


def run(command: list[str], most_s: float) -> Process:
    """Run a command to its end, or kill it and its children after so many seconds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))}
    environment |= {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=environment, start_new_session=True
        ) as child,
    ):
        code, peak = _waited(child, started + most_s)
        seconds = time.perf_counter() - started
        errors.seek(0)
        return Process(code, seconds, peak, errors.read().decode(errors="replace"))


def _waited(child: subprocess.Popen[bytes], deadline: float) -> tuple[int, float]:
    """Exit code, and peak memory in MB."""
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, usage.ru_maxrss / 1024
        if time.perf_counter() > deadline:
            os.killpg(child.pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.005)


def _verified(file: Path, plan: Path) -> dict[str, Any] | None:
    """The verdict of `gpufleet verify --bound`."""
    done = subprocess.run(
        [sys.executable, "-m", "gpufleet", "verify", str(file), str(plan), "--bound", "--json"],
        capture_output=True,
        check=False,
    )
    if done.returncode not in (0, 5):
        return None
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _remember(row: Row, release: str) -> None:
    """Keep what is better than anything known."""
    known = results.best_known()
    known[row.instance] = results.improved(
        known.get(row.instance, results.Best()), row, f"{ENGINES[row.engine].label}, {release}"
    )
    results.write_best({name: known[name] for name in catalogue.ENTRIES if name in known})


def _line(row: Row) -> str:
    objective = "-" if row.objective_usd is None else f"{row.objective_usd:,.2f}"
    gap = "-" if row.gap is None else f"{row.gap:.4%}"
    checked = "verified" if row.verified else "not verified" if row.objective_usd is not None else ""
    return (
        f"{row.instance:28s} {row.engine:13s} {row.seconds:7.2f} s {row.peak_mb:6.0f} MB {objective:>16s} {gap:>10s} "
        f"{row.status} {checked}"
    )


if __name__ == "__main__":
    main()
