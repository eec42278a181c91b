"""Where the prices of a plan come from, and which are stale on which day."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING

from library_samples import OFFERS, VALID

from builders import instance, offer, option, profiled
from gpufleet import Library, load_instance, price_warnings, resolve, solve
from gpufleet.library.price_age import undated

if TYPE_CHECKING:
    from pathlib import Path

DAY = datetime.date(2026, 11, 1)


def test_a_plan_names_the_file_of_every_price(folder: Path, valid: Path) -> None:
    dated = OFFERS.replace("source\n", "source,as_of\n").replace("made up\n", "made up,2026-05-01\n")
    (folder / "catalog" / "offers" / "acme.csv").write_text(dated)
    selection = "catalog_offers:\n  - {site: cloud, node_types: [acme-1x]}\n"
    text = VALID.replace("workloads:\n", f"{selection}workloads:\n").replace(
        "node_type: node-a, accelerators: 1, rates", "node_type: acme-1x, accelerators: 1, rates"
    )
    valid.write_text(text)
    plan = solve(load_instance(valid, Library((folder,))))
    found = plan.offer_prices[0]
    assert (found.offer, found.file) == ("Acme/north-1/acme-1x/on_demand", "catalog/offers/acme.csv")
    assert found.file_digest == hashlib.sha256(dated.encode()).hexdigest()
    assert (found.unit, found.list_usd, found.paid_usd) == ("usd_per_hour", 2, 2)
    assert found.as_of == datetime.date(2026, 5, 1)
    assert plan.price_warnings == ()  # no planning date: what is stale hangs on the day of reading


def stale(**fields: object) -> list[tuple[str, str]]:
    found = resolve(instance([profiled([option("a", rates={"all": 1.0})])], [offer(**fields)]), Library(()))  # type: ignore[arg-type]
    return [(warning.kind, warning.message) for warning in price_warnings(found, ["o1", "o1"], DAY)]


def test_prices_are_stale_after_so_many_days() -> None:
    assert stale(as_of=datetime.date(2026, 5, 5)) == []  # 180 days
    assert stale(as_of=datetime.date(2026, 5, 4)) == [
        ("old", "as of 2026-05-04, 181 days before 2026-11-01 (at most 180)")
    ]


def test_quotes_end() -> None:
    assert stale(valid_until=DAY) == []
    assert stale(valid_until=datetime.date(2026, 10, 31)) == [
        ("expired", "the price was valid until 2026-10-31, before 2026-11-01")
    ]


def test_rents_that_end_before_the_horizon_are_named() -> None:
    found = resolve(
        instance(
            [profiled([option("a", rates={"all": 1.0})])],
            [offer(valid_until=datetime.date(2026, 12, 1))],
            horizon_hours=24.0 * 60,
        ),
        Library(()),
    )
    assert [warning.message for warning in price_warnings(found, ["o1"], DAY)] == [
        "the price is valid until 2026-12-01; the plan counts on it to 2026-12-30"
    ]


def test_a_plan_holds_what_is_stale_at_its_planning_date() -> None:
    asked = instance(
        [profiled([option("a", rates={"all": 1.0})])],
        [offer(as_of=datetime.date(2026, 1, 1))],
        planning_date=DAY,
        max_price_age_days=30,
    )
    plan = solve(resolve(asked, Library(())))
    assert [(warning.offer, warning.kind) for warning in plan.price_warnings] == [("o1", "old")]


def test_the_age_that_is_asked_for_is_no_part_of_the_question() -> None:
    first, second = (
        resolve(
            instance([profiled([option("a", rates={"all": 1.0})])], [offer()], max_price_age_days=days), Library(())
        ).digest
        for days in (30, 180)
    )
    assert first == second


def test_undated_prices_are_of_unknown_age() -> None:
    found = resolve(instance([profiled([option("a", rates={"all": 1.0})])], [offer()]), Library(()))
    assert undated(found, ["o1"]) == ["o1"]
