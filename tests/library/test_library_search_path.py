"""The library: search path, overriding, laziness, and what is wrong in its files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from library_samples import ACCELERATORS, CARD, NODE_TYPES, OFFERS, make_folder

from gpufleet.errors import InputError
from gpufleet.library import Library, bundled_root

if TYPE_CHECKING:
    from pathlib import Path


def message(action: object) -> str:
    with pytest.raises(InputError) as caught:
        action()  # type: ignore[operator]
    return str(caught.value)


def test_a_folder_is_read(folder: Path) -> None:
    library = Library((folder,))
    assert library.accelerators["Lib-40"].memory_gb == 40
    node = library.node_types["acme-8x"]
    assert (node.accelerators, node.power_kw, node.as_of) == (8, 6.5, None)
    assert str(library.node_types["acme-1x"].as_of) == "2026-01-31"
    assert library.offers["Acme/north-1/acme-1x/on_demand"].assumed is True
    assert library.offers["Acme/any/acme-8x/on_demand"].usd_per_hour == 15
    assert library.model_names == ("tiny-encoder",)
    assert library.model("tiny-encoder").parameters == 1e8


def test_search_order(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = make_folder(tmp_path / "second")
    monkeypatch.setenv("GPUFLEET_LIBRARY", os.pathsep.join([str(second), ""]))
    assert Library.open([folder]).roots == (folder, second, bundled_root())
    monkeypatch.delenv("GPUFLEET_LIBRARY")
    assert Library.open().roots == (bundled_root(),)


def test_earlier_folders_override_by_name(folder: Path, tmp_path: Path) -> None:
    other = make_folder(tmp_path / "other")
    accelerators = ACCELERATORS.replace("memory_gb: 40", "memory_gb: 48")
    (other / "catalog/accelerators/acme.yaml").write_text(accelerators)
    (other / "models/tiny-encoder.yaml").write_text(CARD.replace("1e8", "2e8"))
    (other / "catalog/node_types/acme.csv").write_text(NODE_TYPES.split("acme-8x")[0])
    for roots, memory, parameters in [((folder, other), 40, 1e8), ((other, folder), 48, 2e8)]:
        library = Library(roots)
        assert library.accelerators["Lib-40"].memory_gb == memory
        assert library.model("tiny-encoder").parameters == parameters
        assert set(library.node_types) == {"acme-1x", "acme-8x"}


def test_a_name_twice_in_one_folder_is_an_error(folder: Path) -> None:
    first, second = folder / "catalog/offers/acme.csv", folder / "catalog/offers/more.csv"
    header, row = OFFERS.splitlines()[:2]
    second.write_text(f"{header}\n{row}\n")
    name = "Acme/north-1/acme-1x/on_demand"
    assert message(lambda: Library((folder,)).offers) == f"{second}:2: name: {name} is already defined in {first}:2"


def test_nothing_is_read_before_it_is_needed(folder: Path) -> None:
    (folder / "catalog/offers/acme.csv").write_text("rubbish")
    (folder / "models/broken.yaml").write_text("rubbish")
    library = Library((folder,))
    assert set(library.accelerators) == {"Lib-40"}
    assert library.model("tiny-encoder").name == "tiny-encoder"
    assert "the header has no column provider" in message(lambda: library.offers)


def test_folders_that_are_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setenv("GPUFLEET_LIBRARY", str(tmp_path))
    assert message(lambda: Library.open([missing])).splitlines() == [
        f"{tmp_path}: not a library folder: it holds neither catalog/ nor models/",
        f"{missing}: no such library folder",
    ]


def test_a_card_must_be_called_as_its_file(folder: Path) -> None:
    path = folder / "models/other.yaml"
    path.write_text(CARD)
    expected = f"{path}: name: the card's name is tiny-encoder, so the file must be called tiny-encoder.yaml"
    assert message(lambda: Library((folder,)).model("other")) == expected


def test_a_name_cannot_leave_the_folder(folder: Path) -> None:
    (folder / "outside.yaml").write_text(CARD)
    with pytest.raises(KeyError):
        Library((folder,)).model("../outside")


TABLES = [
    ("name,accelerator\n", 1, "the header has no column accelerators"),
    (NODE_TYPES.replace("power_kw", "power_w"), 1, "unknown column 'power_w'; did you mean power_kw?"),
    (NODE_TYPES.replace("as_of", "source"), 1, "column source is there twice"),
    (NODE_TYPES + "x,Lib-40,1\n", 4, "3 cells, but the header has 6 columns"),
    (NODE_TYPES + "x,Lib-40,two,,made up,\n", 4, "accelerators: expected a whole number, got the text 'two'"),
    (NODE_TYPES + "x,Lib-40,,,made up,\n", 4, "accelerators: missing field; "),
    (NODE_TYPES + "x,Lib-40,1,nan,made up,\n", 4, "power_kw: expected a number, got the text 'nan'"),
    (NODE_TYPES + 'x,Lib-40,1,"3,made up,\n', 4, "not valid CSV: unexpected end of data"),
]


@pytest.mark.parametrize(("text", "line", "problem"), TABLES)
def test_wrong_tables(folder: Path, text: str, line: int, problem: str) -> None:
    path = folder / "catalog/node_types/acme.csv"
    path.write_text(text)
    assert any(
        found.startswith(f"{path}:{line}: {problem}")
        for found in message(lambda: Library((folder,)).node_types).splitlines()
    )
