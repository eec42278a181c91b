"""Who is compared: gpufleet's own choice, the whole model by back end, and peers; each a command of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Engine:
    """One contender."""

    name: str
    label: str
    flags: tuple[str, ...] = ()
    """Of `gpufleet solve`."""
    peer: str | None = None
    """A peer by name; it takes no flags."""
    families: tuple[str, ...] | None = None
    """Families that it can solve; None: all."""

    def command(self, file: Path, seconds: float, out: Path) -> list[str]:
        """The command line; it writes a plan to `out`."""
        if self.peer is not None:
            return [sys.executable, "-m", "suite.peers", self.peer, str(file), str(seconds), str(out)]
        flags = ["--time-limit", str(seconds), "--out", str(out), "--json", *self.flags]
        return [sys.executable, "-m", "gpufleet", "solve", str(file), *flags]


def _whole(backend: str, label: str) -> Engine:
    return Engine(backend, label, ("--engine", "whole", "--backend", backend))


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("gpufleet", "gpufleet", ("--engine", "auto")),
        _whole("cpsat", "whole model, CP-SAT"),
        _whole("highs", "whole model, HiGHS (MathOpt)"),
        _whole("scip", "whole model, SCIP (MathOpt)"),
        _whole("pulp", "whole model, CBC (PuLP)"),
        Engine("slices", "Mélange's slices, CBC (PuLP)", peer="slices", families=("melange",)),
        Engine("local-search", "greedy and local search", peer="local-search"),
    )
}


@cache
def _help() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gpufleet", "solve", "--help"], capture_output=True, text=True, check=True
    )
    return done.stdout


def available(engine: Engine) -> Engine | None:
    """The engine with the flags that the installed gpufleet has; None where it cannot do the same without them."""
    if engine.peer is not None:
        return engine
    flags = engine.flags
    if "--engine" not in _help():  # then the whole model is all there is
        flags = flags[2:]
    backend = flags[flags.index("--backend") + 1] if "--backend" in flags else "auto"
    return Engine(engine.name, engine.label, flags) if backend in _help() else None
