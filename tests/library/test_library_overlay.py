"""Overlays: what they make of prices, what they refuse, and what a plan says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_samples import VALID, make_folder

from gpufleet import Library, load_instance, load_plan, solve, verify, write_plan
from gpufleet.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.resolved import ResolvedInstance

HEAD = "schema_version: 1\nsource: Agreement made up for the test\nas_of: 2026-09-01\n"
SELECTION = "catalog_offers:\n  - {site: cloud, terms: [on_demand, reserved_1y]}\n"
SMALL, LARGE = "Acme/north-1/acme-1x/on_demand", "Acme/north-1/acme-8x/reserved_1y"


@pytest.fixture
def asked(folder: Path, valid: Path) -> Path:
    """The valid instance with offers of the small library, and a workload that runs on them."""
    text = VALID.replace("workloads:\n", f"{SELECTION}workloads:\n", 1)
    options = "      - {name: small, node_type: acme-1x, accelerators: 1, rates: {short: 2}}\n"
    valid.write_text(text + options)
    return valid


def laid(asked: Path, text: str, **options: object) -> ResolvedInstance:
    path = asked.parent / "terms.yaml"
    path.write_text(HEAD + text)
    return load_instance(asked, Library((asked.parent / "library",)), overlay=path, **options)  # type: ignore[arg-type]


def message(asked: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        laid(asked, text)
    return str(caught.value).replace(f"{asked.parent / 'terms.yaml'}:", "")


def price(resolved: ResolvedInstance, name: str) -> float | None:
    return resolved.offers[name].usd_per_hour


def test_a_discount_holds_for_what_fits_every_field(asked: Path) -> None:
    rules = "discounts:\n  - {provider: Acme, region: north-*, terms: [reserved_1y], discount_fraction: 0.1}\n"
    resolved = laid(asked, rules)
    assert price(resolved, LARGE) == 8.325  # 9.25 less a tenth
    assert (price(resolved, SMALL), price(resolved, "rented")) == (2, 1.5)
    assert resolved.overlay is not None
    assert dict(resolved.overlay.list_prices) == {LARGE: 9.25}


def test_discounts_add_up_only_where_that_is_said(asked: Path) -> None:
    first = "discounts:\n  - {provider: Acme, discount_fraction: 0.1}\n"
    second = f"  - {{offers: [{SMALL}], discount_fraction: 0.5, on_top: true}}\n"
    assert price(laid(asked, first + second), SMALL) == 0.9
    assert message(asked, first + second.replace(", on_top: true", "")) == (
        f"6: discounts[1]: matches {SMALL}, and so does discounts[0]; narrow one of them, or write on_top: true"
    )


def test_a_private_price_is_what_is_paid(asked: Path) -> None:
    rules = (
        "discounts:\n  - {provider: Acme, discount_fraction: 0.1}\nprivate_prices:\n"
        f"  - {{offers: [{SMALL}], usd_per_hour: 1.25, source: Letter, as_of: 2026-10-01, valid_until: 2026-12-31}}\n"
    )
    offer = laid(asked, rules).offers[SMALL]
    assert (offer.usd_per_hour, offer.source, str(offer.as_of)) == (1.25, "Letter", "2026-10-01")
    assert str(offer.valid_until) == "2026-12-31"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "discounts:\n  - {provider: Acne, discount_fraction: 0.1}\n",
            "5: discounts[0]: matches no offer of the instance or the catalogue: provider 'Acne'; did you mean Acme?",
        ),
        (
            "discounts:\n  - {provider: Acme, node_types: [acme-8y], discount_fraction: 0.1}\n",
            "5: discounts[0]: matches no offer of the instance or the catalogue: node_types 'acme-8y'; did you mean "
            "acme-8x?",
        ),
        (
            "discounts:\n  - {provider: Acme, terms: [spot], discount_fraction: 0.1}\n",
            "5: discounts[0]: matches no offer of the instance or the catalogue: none fits all of provider, terms; "
            "leave one of them out",
        ),
        (
            "discounts:\n  - {provider: Acme, discount_fraction: 10}\n",
            "5: discounts[0].discount_fraction: must be at most 1, got 10; 10 % is written 0.1",
        ),
        (
            "discount:\n  - {provider: Acme, discount_fraction: 0.1}\n",
            "4: discount: unknown key 'discount'; did you mean discounts?",
        ),
        (
            "private_prices:\n  - {provider: Acme, capex_usd: 100}\n",
            "5: private_prices[0]: matches rented and 3 more, whose price is usd_per_hour; narrow it by terms",
        ),
        (
            "private_prices:\n  - {provider: Acme}\n",
            "5: private_prices[0]: give usd_per_hour (rents) or capex_usd (purchases), one of them",
        ),
        (
            "private_prices:\n  - {provider: Acme, usd_per_hour: 0}\n",
            "5: private_prices[0].usd_per_hour: must be above 0, got 0",
        ),
        (
            "committed_spend_usd_per_year: 100000\n",
            "4: committed_spend_usd_per_year: a minimum spend cannot be expressed: what is missing to it would be a "
            "cost of the bill as a whole; write nodes that are reserved already as committed_nodes, and what the spend "
            "brings as a discount",
        ),
        (
            "committed_nodes:\n  - {name: r, site: clod, node_type: acme-1x, nodes: 1, until: 2030-01-01}\n",
            "5: committed_nodes[0].site: the instance has no site 'clod'; did you mean cloud?\n"
            "5: committed_nodes[0].until: ends on 2030-01-01; say in the instance when its horizon starts "
            "(planning_date), to compare",
        ),
    ],
)
def test_what_is_wrong_is_said_with_line_and_remedy(asked: Path, rules: str, expected: str) -> None:
    assert message(asked, rules) == expected


def test_rules_for_offers_elsewhere_are_named_not_refused(asked: Path) -> None:
    """One overlay serves many instances: south-1 is in the catalogue, but not in this instance."""
    resolved = laid(asked, "discounts:\n  - {region: south-1, discount_fraction: 0.1}\n")
    assert resolved.overlay is not None
    assert resolved.overlay.record.unused == ("discounts[0]",)


def test_after_their_last_day_rules_do_not_hold(asked: Path) -> None:
    rules = "discounts:\n  - {provider: Acme, discount_fraction: 0.1, valid_until: 2026-10-31}\n"
    asked.write_text(asked.read_text() + "planning_date: 2026-10-31\n")
    assert price(laid(asked, rules), SMALL) == 1.8
    asked.write_text(asked.read_text().replace("2026-10-31", "2026-11-01"))
    late = laid(asked, rules)
    assert price(late, SMALL) == 2
    assert late.overlay is not None
    assert late.overlay.record.expired == ("discounts[0] ended on 2026-10-31",)


def test_the_overlay_of_the_environment_counts(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid(asked, "discounts:\n  - {provider: Acme, discount_fraction: 0.1}\n")
    monkeypatch.setenv("GPUFLEET_OVERLAY", str(asked.parent / "terms.yaml"))
    assert price(load_instance(asked, Library.open([asked.parent / "library"])), SMALL) == 1.8


def test_what_an_overlay_says_is_its_digest(asked: Path) -> None:
    rules = "discounts:\n  - {provider: Acme, discount_fraction: 0.1}\n"
    first, second = laid(asked, rules), laid(asked, f"# agreed at last\n{rules}")
    other = laid(asked, rules.replace("0.1", "0.11"))
    assert first.overlay is not None
    assert second.overlay is not None
    assert other.overlay is not None
    assert first.overlay.record.digest == second.overlay.record.digest != other.overlay.record.digest
    assert first.digest == second.digest != other.digest


RENTED = "discounts:\n  - {{terms: [on_demand, reserved_1y, spot], discount_fraction: {0}}}\n"


def rented(asked: Path, share: float) -> ResolvedInstance:
    return laid(asked, RENTED.format(share))


def cost(resolved: ResolvedInstance) -> float:
    plan = solve(resolved)
    assert verify(resolved, plan).ok
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    return plan.certificate.objective_usd


def test_ten_percent_off_all_rents_is_ten_percent_off_the_bill(asked: Path) -> None:
    assert cost(rented(asked, 0.1)) == pytest.approx(0.9 * cost(rented(asked, 0.0)), rel=1e-12)


def test_an_overlay_of_nothing_changes_nothing_but_the_record(asked: Path) -> None:
    without = load_instance(asked, Library((asked.parent / "library",)))
    nothing = rented(asked, 0.0)
    assert nothing.digest == without.digest
    plain, recorded = solve(without), solve(nothing)
    assert recorded.overlay is not None
    rules = {price.rules for price in recorded.offer_prices}
    assert rules == {("discounts[0]",)}
    bare = [entry.model_copy(update={"rules": ()}) for entry in recorded.offer_prices]
    assert recorded.model_copy(update={"overlay": None, "offer_prices": tuple(bare)}) == plain


@settings(max_examples=12)
@given(shares=st.tuples(st.integers(0, 100), st.integers(0, 100)))
def test_a_larger_discount_never_costs_more(tmp_path_factory: pytest.TempPathFactory, shares: tuple[int, int]) -> None:
    less, more = sorted(shares)
    path = tmp_path_factory.getbasetemp() / "asked.yaml"
    make_folder(path.parent / "library")
    path.write_text(
        VALID.replace("workloads:\n", f"{SELECTION}workloads:\n", 1)
        + "      - {name: small, node_type: acme-1x, accelerators: 1, rates: {short: 2}}\n"
    )
    rule = "discounts:\n  - {{offers: [{0}], discount_fraction: {1}}}\n"
    costs = [cost(laid(path, rule.format(SMALL, share / 100))) for share in (less, more)]
    assert costs[1] <= costs[0]


def test_a_plan_is_verified_with_the_overlay_it_was_made_with(asked: Path, tmp_path: Path) -> None:
    resolved = rented(asked, 0.1)
    write_plan(solve(resolved), tmp_path / "plan.yaml")
    plan = load_plan(tmp_path / "plan.yaml")
    assert verify(resolved, plan).ok
    without = load_instance(asked, Library((asked.parent / "library",)))
    first = verify(without, plan).violations[0]
    assert first.rule == "overlay"
    assert "the plan was made with the overlay terms.yaml" in first.message
    assert "give it with --overlay" in first.message
    other = rented(asked, 0.2)
    assert "but terms.yaml has" in verify(other, plan).violations[0].message
    assert "leave out terms.yaml" in verify(resolved, solve(without)).violations[0].message


def test_names_of_commitments_are_their_own(asked: Path) -> None:
    line = "  - {name: a, site: cloud, node_type: acme-1x, nodes: 1, until: 2030-01-01}\n"
    asked.write_text(asked.read_text().replace("{name: rented,", "{name: committed/a,") + "planning_date: 2026-11-01\n")
    found = message(asked, f"committed_nodes:\n{line}{line}").splitlines()
    taken = "the instance has an offer committed/a already; choose another"
    assert found == [
        f"5: committed_nodes[0].name: {taken}",
        "6: committed_nodes[1].name: duplicate name 'a'; give each commitment its own",
        f"6: committed_nodes[1].name: {taken}",
    ]


def test_committed_nodes_cost_nothing_more(asked: Path) -> None:
    """Two small nodes serve 4 of the 3 requests/s: nothing else is rented, and what they cost anyway is said beside."""
    asked.write_text(asked.read_text() + "planning_date: 2026-11-01\n")
    rule = (
        "committed_nodes:\n"
        "  - {{name: old, site: cloud, node_type: acme-1x, nodes: 2, until: {0}, usd_per_hour: 1.5}}\n"
    )
    resolved = laid(asked, rule.format("2026-11-30"))
    plan = solve(resolved)
    assert [(nodes.offer, nodes.count, nodes.total_cost_usd) for nodes in plan.nodes] == [("committed/old", 2, 0.0)]
    assert verify(resolved, plan).ok
    assert plan.overlay is not None
    assert plan.overlay.committed_usd == 2 * 1.5 * 720
    found = message(asked, rule.format("2026-11-29"))
    assert found == (
        "5: committed_nodes[0].until: ends on 2026-11-29, before the horizon does (2026-11-30); shorten the horizon to "
        "29 days, or leave the nodes out"
    )
