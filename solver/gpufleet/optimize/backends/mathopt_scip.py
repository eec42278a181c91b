"""SCIP through MathOpt: one more opinion, of a solver that can be interrupted."""

from __future__ import annotations

from ortools import __version__ as ortools_version

from gpufleet.optimize.backends.mathopt_highs import MathOptHighs


class MathOptScip(MathOptHighs):
    """SCIP, in floating point, by the same way as HiGHS."""

    name = "scip"

    def version(self) -> str:
        """`SCIP (OR-Tools MathOpt x.y.z)`."""
        return f"SCIP (OR-Tools MathOpt {ortools_version})"
