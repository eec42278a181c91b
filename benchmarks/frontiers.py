"""Budget frontiers of random questions against enumeration.

Run as `PYTHONPATH=tests:tests/property python benchmarks/frontiers.py 200`.

`tests/property/test_frontier_points.py` takes a few of the same questions.
"""

from __future__ import annotations

import sys
import time

from test_frontier_points import compare


def main() -> None:
    """Compare so many questions, and say how many steps agreed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    began = time.monotonic()
    steps = sum(compare(seed) for seed in range(count))
    print(f"{count} questions, {steps} steps, all as enumerated, in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
