"""Explain many random infeasible estates, and check every word of it: `python benchmarks/explain_sweep.py 0 300`.

Every reported set of requirements must be infeasible and irreducible, every repair must leave a plan, and 1 % less of
it must not; by fresh solves. Takes the first and the last seed, and stops after the seconds given as a third argument.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "property")]

from random_conflicts import check, infeasible_estate  # noqa: E402


def main(first: int, last: int, seconds: float) -> None:
    """Print a line of figures, and every failure."""
    started, kinds, repaired, sizes, longest = time.monotonic(), Counter[str](), Counter[str](), Counter[int](), 0.0
    seed, instances, failures = first, 0, 0
    while seed < last and time.monotonic() - started < seconds:
        asked = infeasible_estate(seed)
        if asked is not None:
            begun = time.monotonic()
            instances += 1
            try:
                found = check(asked)
            except AssertionError as error:
                failures += 1
                line = traceback.extract_tb(error.__traceback__)[-1].line
                print(f"seed {seed}: {line}: {str(error)[:200]}")
            else:
                assert found.conflict is not None
                kinds.update({known.kind for known in found.conflict.requirements})
                repaired.update(repair.requirement.kind for repair in found.repairs)
                sizes[len(found.conflict.requirements)] += 1
            longest = max(longest, time.monotonic() - begun)
        seed += 1
    print(f"seeds {first} to {seed - 1}: {instances} infeasible, {failures} failures, longest {longest:.1f} s")
    print(f"sizes {dict(sorted(sizes.items()))}")
    print(f"in conflicts {dict(kinds.most_common())}")
    print(f"repairs {dict(repaired.most_common())}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else float("inf"))
