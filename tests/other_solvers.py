"""Other solvers that read files: CBC as PuLP brings it, and HiGHS through OR-Tools."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pulp
from ortools.linear_solver.python import model_builder

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 40
FOUND = re.compile(r"^Objective value:\s+(\S+)$", re.MULTILINE)


def by_cbc(path: Path) -> float:
    """The optimum that CBC proves for an LP or MPS file."""
    command = [pulp.PULP_CBC_CMD().path, str(path), "sec", str(SECONDS), "solve", "quit"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Result - Optimal solution found" in printed, printed[-1500:]
    found = FOUND.search(printed)
    assert found is not None
    return float(found[1])


def by_highs(path: Path) -> float:
    """The optimum that HiGHS proves for an MPS file."""
    model = model_builder.Model()
    assert model.import_from_mps_file(str(path))
    solver = model_builder.Solver("highs")
    solver.set_time_limit_in_seconds(SECONDS)
    assert solver.solve(model) == model_builder.SolveStatus.OPTIMAL
    return float(solver.objective_value)
