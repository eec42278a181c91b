"""Every file in instances/invalid is refused with exactly the messages beside it."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from gpufleet.errors import InputError
from gpufleet.library import Library, load_instance

FOLDER = Path(__file__).parents[2] / "instances" / "invalid"
EXPECTED = sorted(FOLDER.glob("*.expected.txt"))


def refused(path: Path | str, library: Library) -> str:
    with pytest.raises(InputError) as caught:
        load_instance(path, library)
    return f"{caught.value}\n"


def instance_of(expected: Path) -> str:
    name = expected.name.removesuffix(".expected.txt")
    (found,) = [path.name for path in FOLDER.iterdir() if path.stem == name and path.suffix in (".yaml", ".json")]
    return found


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.txt"))
def test_refused_with_these_messages(expected: Path, monkeypatch: pytest.MonkeyPatch, empty_library: Library) -> None:
    monkeypatch.chdir(FOLDER)
    assert refused(instance_of(expected), empty_library) == expected.read_text(encoding="utf-8")


def test_the_bundled_library_changes_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.delenv("GPUFLEET_LIBRARY", raising=False)
    library = Library.open()
    different = [
        path.name for path in EXPECTED if refused(instance_of(path), library) != path.read_text(encoding="utf-8")
    ]
    assert different == []


def test_every_file_has_its_messages() -> None:
    files = {path.stem for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json")}
    assert files == {path.name.removesuffix(".expected.txt") for path in EXPECTED}
    assert len(files) >= 44


def test_large_alias_bomb_costs_neither_time_nor_memory(tmp_path: Path, empty_library: Library) -> None:
    lines = ["a0: &a0 [x, x]\n"]
    lines += [f"a{number}: &a{number} [*a{number - 1}, *a{number - 1}]\n" for number in range(1, 66_000)]
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text("".join(lines))
    assert bomb.stat().st_size > 2_000_000
    tracemalloc.start()
    started = time.perf_counter()
    message = refused(bomb, empty_library)
    elapsed, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert message == f"{bomb}:18: more than 1,000,000 values once all aliases are written out\n"
    assert elapsed < 1
    assert peak < 10 * bomb.stat().st_size


def test_a_flood_of_problems_is_cut_off(tmp_path: Path, empty_library: Library) -> None:
    path = tmp_path / "flood.yaml"
    path.write_text("".join(f"key{number}: 1\n" for number in range(5_000)))
    messages = refused(path, empty_library).splitlines()
    assert messages[0] == f"{path}: 5005 problems; here are 200 of them"
    assert len(messages) <= 201
