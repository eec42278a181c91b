"""Links out of docs/ lead to copies on the site."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="module")
def hooks(root: Path) -> ModuleType:
    """docs/hooks.py, which MkDocs loads."""
    spec = importlib.util.spec_from_file_location("docs_hooks", root / "docs/hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "there"),
    [
        ("tutorial.md", "[a](engines.md#periods)", "[a](engines.md#periods)"),
        ("how-to/x.md", "[a](../engines.md)", "[a](../engines.md)"),
        ("x.md", "![a](img/a.png)", "![a](img/a.png)"),
        ("x.md", "[a](https://example.org/b)", "[a](https://example.org/b)"),
        ("x.md", "[a](#part)", "[a](#part)"),
        ("x.md", "[a](../README.md#start)", "[a](repository/README.md#start)"),
        ("x.md", "[a](../LICENSE)", "[a](repository/LICENSE.md)"),
        ("how-to/x.md", "[a](../../instances/estate)", "[a](../repository/instances/estate/index.md)"),
        (
            "how-to/x.md",
            "[a](../../instances/reference/bank-assistant.yaml)",
            "[a](../repository/instances/reference/bank-assistant.yaml.md)",
        ),
        ("repository/README.md", "[a](docs/engines.md)", "[a](../engines.md)"),
        ("repository/LICENSE.md", "[a](README.md)", "[a](README.md)"),
        ("repository/instances/estate/index.md", "[a](measures.yaml)", "[a](measures.yaml.md)"),
    ],
)
def test_links_are_rewritten(root: Path, hooks: ModuleType, page: str, link: str, there: str) -> None:
    assert hooks.rewritten(link, page, root) == there


def test_code_stays_as_it_is(root: Path, hooks: ModuleType) -> None:
    text = "[a](../LICENSE)\n\n```text\n[a](../LICENSE)\n```\n\n[b](../LICENSE)\n"
    assert hooks.rewritten(text, "x.md", root) == text.replace("../LICENSE", "repository/LICENSE.md", 1).replace(
        "[b](../LICENSE)", "[b](repository/LICENSE.md)"
    )


def test_copies_hold_the_text_or_say_that_they_are_cut(root: Path, hooks: ModuleType, tmp_path: Path) -> None:
    text = (root / "instances/reference/bank-assistant.yaml").read_text(encoding="utf-8").rstrip()
    assert f"````yaml\n{text}\n````" in hooks.copy_of(root, "instances/reference/bank-assistant.yaml")
    (tmp_path / "long.csv").write_text("1,2\n" * 100_000)
    assert "Cut after 200,000 characters" in hooks.copy_of(tmp_path, "long.csv")
    (tmp_path / "binary.gz").write_bytes(b"\x1f\x8b")
    assert "\n- binary.gz\n- [long.csv](long.csv)\n" in hooks.copy_of(tmp_path, "")
