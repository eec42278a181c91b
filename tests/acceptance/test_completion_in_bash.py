"""The script that `gpufleet completion bash` prints, in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
SCRIPT = """
source <(gpufleet completion bash)
complete -p gpufleet
COMP_WORDS=({words}) COMP_CWORD={place}
COMPREPLY=()
_gpufleet_completion gpufleet
printf 'reply %s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["gpufleet", "doc"], ["doctor"]),
        (["gpufleet", "solve", "medical"], ["medical-imaging"]),
        (["gpufleet", "estimate", "llama-3.3"], ["llama-3.3-70b"]),
        (["gpufleet", "init", "--si"], ["--site"]),
    ],
)
def test_words_complete_in_bash(words: list[str], wanted: list[str], tmp_path: Path) -> None:
    (tmp_path / "gpufleet").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gpufleet.cli "$@"\n')
    (tmp_path / "gpufleet").chmod(0o755)
    package = str(Path(__file__).resolve().parents[2] / "solver")
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": package}
    script = SCRIPT.format(words=" ".join(words), place=len(words) - 1)
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *replies = done.stdout.splitlines()
    assert first.endswith("-F _gpufleet_completion gpufleet")
    assert [reply.removeprefix("reply ") for reply in replies] == wanted
