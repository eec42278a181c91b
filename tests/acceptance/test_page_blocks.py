"""The machinery that runs pages notices what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import page_runs
import pages
import pytest
from page_runs import PageRun
from shell_lines import problems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSION = "```console\n$ gpufleet --version\n{}\n```\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Runs a text as a page; returns what its Python prints."""
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(page_runs, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(pages.LONG, raising=False)

    def run_text(text: str) -> str:
        (tmp_path / "page.md").write_text(text, encoding="utf-8")
        page = PageRun("page.md")
        page.run()
        return page.printed

    return run_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (VERSION.format("gpufleet, version 9.9.9"), "page.md:2: gpufleet --version shows 'gpufleet, version 9.9.9'"),
        (VERSION.format("..."), ""),
        ("```console\n$ gpufleet --version    # exit code 2\n```\n", "ends with 0"),
        ("```console\n$ gpufleet schema \\\n    no-such-kind\n```\n", "page.md:3.*\nends with 2"),
        ("```console\nno command\n```\n", "page.md:2: output without a command"),
        ("```console\n$ gpufleet schema plan\n{\n```\n", "prints more than is shown"),
        ("```console\n$ make no-such-target\n```\n", "page.md:2: make no-such-target: no such target"),
        ("```sh\ngpufleet solve x.yaml --no-such-option\n```\n", "no option --no-such-option"),
        ("```yaml\nno_such_field: 1\n```\n", "no field of an instance"),
        ("`a.yaml`:\n\n```yaml\nanything: 1\n```\n", ""),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "shows '2'"),
        ("```python\nprint(1)\n```\n\nand\n\n```text\n2\n```\n", ""),
        ("1. item\n\n    ```python\n    assert False, 'seen'\n    ```\n", "seen"),
        ("<!-- long -->\n```python\nassert False\n```\n", ""),
    ],
)
def test_what_is_wrong_is_found(
    text: str, message: str, run: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shell_lines.ROOT", pages.Path(__file__).resolve().parents[2])
    if message:
        with pytest.raises(AssertionError, match=message):
            run(text)
    else:
        run(text)


def test_long_blocks_run_when_asked_for(run: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pages.LONG, "1")
    assert run("<!-- long -->\n```python\nprint('long')\n```\n") == "long\n"


FILES = """\
`in/a.csv`:

```csv
x,y
1,2
```

```python
from pathlib import Path
```

```python
print(Path("in/a.csv").read_text())
```
"""


def test_files_are_written_and_python_keeps_its_names(run: Callable[[str], str]) -> None:
    assert run(FILES) == "x,y\n1,2\n\n"


def test_lines_that_are_only_looked_at() -> None:
    assert problems("# a comment") == []
    assert problems("OMP_NUM_THREADS=1 .venv/bin/python -m pytest tests/library/test_invalid.py") == []
    assert problems('pip install "gpufleet[dask,no-such-extra]"') == ["pip: no extra 'no-such-extra'"]
    assert problems("python docs/no-such-file.py") == ["python: no file docs/no-such-file.py"]
    assert "shell_lines.py" in problems("rm -rf /")[0]
