"""Two states of prices side by side, and what the difference means for the bill of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from library_samples import NODE_TYPES, OFFERS, VALID, make_folder

from gpufleet import Library, diff_prices, load_instance, reprice, solve
from gpufleet.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "provider,region,node_type,term,usd_per_hour,source,as_of\n"
OLD = HEADER + "Acme,north-1,acme-1x,on_demand,2,x,2026-05-01\nAcme,north-1,acme-8x,on_demand,15,x,2026-05-01\n"
NEW = HEADER + "Acme,north-1,acme-1x,on_demand,1.5,x,2026-08-01\nAcme,south-1,acme-8x,on_demand,14,x,2026-08-01\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("old.csv", OLD), ("new.csv", NEW)):
        (tmp_path / name).write_text(text)
    return tmp_path / "old.csv", tmp_path / "new.csv"


def kinds(before: object, after: object, library: Library) -> dict[str, str]:
    return {change.name: change.kind for change in diff_prices(str(before), str(after), library).changes}


def test_prices_appear_vanish_and_change(files: tuple[Path, Path], empty_library: Library) -> None:
    assert kinds(*files, empty_library) == {
        "Acme/north-1/acme-1x/on_demand": "changed",
        "Acme/north-1/acme-8x/on_demand": "vanished",
        "Acme/south-1/acme-8x/on_demand": "appeared",
    }
    changed = diff_prices(*files, empty_library).changes[0]
    assert (changed.before_usd, changed.after_usd, changed.relative) == (2, 1.5, -0.25)


def test_folders_and_libraries(folder: Path, tmp_path: Path, empty_library: Library) -> None:
    other = make_folder(tmp_path / "other")
    (other / "catalog" / "offers" / "acme.csv").write_text(OFFERS.replace("9.25", "9.5"))
    expected = {"Acme/north-1/acme-8x/reserved_1y": "changed"}
    assert kinds(folder, other, empty_library) == expected
    assert kinds(folder / "catalog" / "offers", other / "catalog" / "offers", empty_library) == expected
    assert diff_prices(folder, folder, empty_library).same == 5


def test_days_of_a_library_count_files_set_aside(folder: Path) -> None:
    offers = folder / "catalog" / "offers"
    (offers / "archive").mkdir()
    (offers / "archive" / "acme_2026-05-01.csv").write_text(OLD)
    (offers / "acme.csv").write_text(NEW)
    library = Library((folder,))
    assert len(library.offers) == 2
    found = diff_prices("2026-06-01", "2026-08-01", library)
    assert {change.name: (change.before_usd, change.after_usd) for change in found.changes} == {
        "Acme/north-1/acme-1x/on_demand": (2, 1.5),
        "Acme/south-1/acme-8x/on_demand": (None, 14),
    }
    with pytest.raises(InputError, match="no price of that day or before"):
        diff_prices("2025-01-01", "2026-08-01", library)


def test_what_is_neither_file_nor_day(files: tuple[Path, Path], empty_library: Library) -> None:
    with pytest.raises(InputError, match="give a price file, a folder, a library or a day as 2026-11-01"):
        diff_prices(files[0], "yesterday", empty_library)


def test_a_plan_at_other_prices_keeps_its_fleet(folder: Path, valid: Path, tmp_path: Path) -> None:
    (folder / "catalog" / "offers" / "acme.csv").write_text(OLD)
    (folder / "catalog" / "node_types" / "acme.csv").write_text(NODE_TYPES)
    selection = "catalog_offers:\n  - {site: cloud, node_types: [acme-1x]}\n"
    text = VALID.replace("workloads:\n", f"{selection}workloads:\n")
    valid.write_text(text.replace("{name: one, node_type: node-a", "{name: one, node_type: acme-1x"))
    plan = solve(load_instance(valid, Library((folder,))))
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == 2 * 2 * 720  # 3 requests/s at 2.5 a node
    new = tmp_path / "new.csv"
    new.write_text(NEW)
    diff = diff_prices(folder, new, Library(()))
    repriced = reprice(plan, diff)
    assert (repriced.before_usd, repriced.after_usd) == (2880, 2160)
    gone = reprice(plan, diff_prices(folder, _without(new, "acme-1x"), Library(())))
    assert gone.after_usd == 2880
    assert [entry.after_usd for entry in gone.offers] == [None]
    old_plan = plan.model_copy(update={"offer_prices": ()})
    with pytest.raises(InputError, match="does not say where its prices come from; solve again"):
        reprice(old_plan, diff)


def _without(path: Path, word: str) -> Path:
    target = path.with_name("without.csv")
    target.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if word not in line))
    return target
