"""A user's program against the installed package: `py.typed` counts, and `mypy --strict` finds nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import gpufleet

HERE = Path(__file__).parent
PACKAGE_ROOT = Path(gpufleet.__file__).parents[1]


def _mypy(folder: Path) -> subprocess.CompletedProcess[str]:
    """Away from the repository and its settings, as outside users have it."""
    environment = {**os.environ, "MYPYPATH": "", "PYTHONPATH": str(PACKAGE_ROOT)}
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "program.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_program_of_a_user_is_type_correct(tmp_path: Path) -> None:
    shutil.copy(HERE / "typed_user.py", tmp_path / "program.py")
    found = _mypy(tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_wrong_argument_is_found(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import gpufleet\n"
        "plan = gpufleet.solve(gpufleet.load_instance('a.yaml'), time_limit_s='long')\n"
        "wrong: int = plan.status\n",
        encoding="utf-8",
    )
    found = _mypy(tmp_path)
    assert found.returncode == 1
    assert 'program.py:2: error: Argument "time_limit_s"' in found.stdout
    assert "program.py:3: error: Incompatible types" in found.stdout
