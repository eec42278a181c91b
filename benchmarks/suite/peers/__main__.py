"""`python -m suite.peers KIND FILE SECONDS OUT`: one peer on one instance, in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from suite import files
from suite.peers import local_search, question, slices

SOLVERS = {"local-search": local_search.solve, "slices": slices.solve}


def main() -> None:
    """Write the plan; exit code 4 where there is none."""
    kind, file, seconds, out = sys.argv[1:]
    found = SOLVERS[kind](question.read(files.read(Path(file))), float(seconds))
    if found is None:
        sys.exit(4)
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
