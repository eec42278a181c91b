"""What the shell is told; in a real bash in tests/acceptance/test_completion_in_bash.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_runs import run
from click.shell_completion import BashComplete

from gpufleet.cli.app import COMMANDS, main
from gpufleet.library.bundled_instances import bundled_instances

if TYPE_CHECKING:
    from pathlib import Path


def completed(*words: str) -> list[tuple[str, str]]:
    """(type, value) of what completes the last word."""
    shell = BashComplete(main, {}, "gpufleet", "_GPUFLEET_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_script(shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_GPUFLEET_COMPLETE={shell}_complete" in script.replace("env ", "")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("",), set(COMMANDS)),
        (("solve", "--back"), {"--backend"}),
        (("solve", "--backend", "p"), {"pulp"}),
        (("estimate", "llama-3.1-"), {"llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b"}),
        (("estimate", "llama-3.1-8b", "MI30"), {"MI300X-192GB"}),
        (("estimate", "llama-3.1-8b", "T4", "--node", "t4-8"), {"t4-8x-4u"}),
        (("solve", "x.yaml", "--accelerator", "L4"), {"L4", "L40", "L40S"}),
        (("breakeven", "x.yaml", "--offer", "Vultr/"), {"Vultr/any/vultr-mi300x-8x/on_demand"}),
        (("catalog", "show", "whisper"), {"whisper-large-v3"}),
        (("init", "--site", "on"), {"on_prem"}),
        (("completion", "z"), {"zsh"}),
    ],
)
def test_names_complete(words: tuple[str, ...], wanted: set[str]) -> None:
    assert wanted <= {value for _, value in completed(*words)}
    assert all(value.startswith(words[-1]) for _, value in completed(*words))


def test_instances_complete_to_files_first_then_to_bundled_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert completed("solve", "ban") == [("plain", "bank-assistant")]
    assert {value for _, value in completed("solve", "")} == set(bundled_instances())
    assert completed("solve", "folder/ban") == [("file", "folder/ban")]
    (tmp_path / "bananas.yaml").touch()
    assert completed("solve", "ban") == [("file", "ban")]
    assert completed("solve", "med") == [("plain", "medical-imaging")]


def test_the_library_that_is_named_counts(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "my-own.yaml").touch()
    assert completed("estimate", "--library", str(tmp_path), "my") == [("plain", "my-own")]
    assert completed("estimate", "--library", str(tmp_path / "gone"), "my") == []


def test_bundled_names_work_where_there_is_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "prefix-cache.yaml: valid" in run("validate", "prefix-cache").stdout
    (tmp_path / "prefix-cache").write_text("{}")
    assert run("validate", "prefix-cache").exit_code == 2


def test_examples_are_copied_whole_and_replace_nothing(tmp_path: Path) -> None:
    listed = run("examples").stdout
    assert all(name in listed for name in bundled_instances())
    assert run("examples", "regional-bank", "--to", tmp_path / "new").exit_code == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"regional-bank.yaml", "regional-bank.csv"}
    assert run("validate", tmp_path / "new" / "regional-bank.yaml").exit_code == 0
    assert "--force" in run("examples", "regional-bank", "--to", tmp_path / "new").stderr
    assert run("examples", "regional-bank", "--to", tmp_path / "new", "--force").exit_code == 0
    assert run("examples", "regional-bank").stdout == (tmp_path / "new" / "regional-bank.yaml").read_text()
    assert "did you mean regional-bank?" in run("examples", "regional-bnk").stderr
    assert "--to needs a name" in run("examples", "--to", tmp_path).stderr
