"""Who is compared: gpufleet's own choice, the whole model by back end, and peers; each a command of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


WORKERS = 2
"""Of every solver that can use several; HiGHS, SCIP, CBC and the peers work alone."""


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
        flags = ["--time-limit", str(seconds), "--workers", str(WORKERS), "--out", str(out), "--json", *self.flags]
        return [sys.executable, "-m", "gpufleet", "solve", str(file), *flags]


def _whole(backend: str, label: str) -> Engine:
    return Engine(backend, label, ("--engine", "whole", "--backend", backend, "--no-certify"))


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
