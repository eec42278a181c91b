"""The child's side of `highs_process`."""

from __future__ import annotations

import os
import pickle
import sys

from gpufleet.optimize.backends.mathopt_highs import solve_here


def main() -> None:
    """Read a model, solve it, write the result; standard output is the answer's, HiGHS gets the null device."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    model, limits = pickle.load(sys.stdin.buffer)
    with answer:
        pickle.dump(solve_here(model, limits), answer)
