"""The property tests with all of their seeds and examples: `python benchmarks/properties.py [arguments of pytest]`.

A run of the tests tries one in two or three of them (`tests/property/seeds.py`); the checks are the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "property"))

from seeds import ALL_SEEDS  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run them; the exit code is pytest's."""
    spread = [] if arguments else ["-n", "auto", "--dist", "loadfile"]
    command = [sys.executable, "-m", "pytest", *spread, *(arguments or ["tests/property"])]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, ALL_SEEDS: "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
