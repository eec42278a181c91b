"""HiGHS in a process of its own.

HiGHS 1.12 prints to standard output from C whatever its options say; here that cannot reach the caller's. A model goes
in and a result comes out, pickled, over pipes between the two processes that we both started.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.errors import MissingBackendError

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel

_GRACE_SECONDS = 30.0
"""Start-up, translation and transfer beyond the solver's own time limit."""


@dataclass(frozen=True)
class FloatResult:
    """What a floating-point solver says, in its scaled units."""

    infeasible: bool
    proven: bool
    values: list[float] | None
    bound: float
    """Dual bound on the scaled objective; may be minus infinity."""


def solve_apart(model: LinearModel, limits: SolverLimits) -> FloatResult | None:
    """Solve in a child process; None when it did not answer (killed, out of memory, far beyond its limit).

    Raises MissingBackendError when the child cannot run HiGHS at all.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", "from gpufleet.optimize.backends.highs_child import main; main()"]
    try:
        done = subprocess.run(
            command,
            input=pickle.dumps((model, limits)),
            capture_output=True,
            env=environment,
            timeout=limits.seconds + _GRACE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode > 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise MissingBackendError(f"HiGHS cannot run in a process of its own here: {last}")
    return pickle.loads(done.stdout) if done.returncode == 0 else None
