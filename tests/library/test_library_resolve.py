"""Resolving: catalogue selections, what is gathered, digests, instances built in code."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from library_samples import VALID

from gpufleet.errors import InputError
from gpufleet.library import Library, load_instance, resolve
from gpufleet.library.unsupported import UNSUPPORTED

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.resolved import ResolvedInstance


def with_selection(path: Path, *selections: str) -> Path:
    path.write_text(VALID + "catalog_offers:\n" + "".join(f"  - {selection}\n" for selection in selections))
    return path


def message(path: Path, library: Library) -> str:
    with pytest.raises(InputError) as caught:
        load_instance(path, library)
    return str(caught.value).replace(f"{path}:", "")


def test_a_valid_instance(valid: Path, empty_library: Library) -> None:
    resolved = load_instance(valid, empty_library)
    assert set(resolved.offers) == {"rented"}
    assert resolved.accelerator_of("node-a").name == "Acc-80"
    assert resolved.model_of(resolved.workloads["chat"]) is None
    assert resolved.instance.hours == 720
    assert resolved.path == str(valid)
    assert resolved.sites["cloud"].country == "NO"


def test_horizon_in_hours_is_exact(valid: Path, empty_library: Library) -> None:
    valid.write_text(VALID.replace("horizon_days: 30", "horizon_hours: 0.1"))
    assert load_instance(valid, empty_library).instance.hours == Fraction(1, 10)


def test_the_instance_comes_before_the_library(folder: Path, valid: Path) -> None:
    valid.write_text(VALID.replace("Acc-80", "Lib-40"))
    assert load_instance(valid, Library((folder,))).accelerators["Lib-40"].memory_gb == 80


def test_a_regional_price_replaces_the_general_one(folder: Path, valid: Path) -> None:
    resolved = load_instance(with_selection(valid, "{site: cloud, stock: 4}"), Library((folder,)))
    prices = {offer.name: offer.usd_per_hour for offer in resolved.offers.values() if offer.name != "rented"}
    assert prices == {"Acme/north-1/acme-1x/on_demand": 2, "Acme/any/acme-8x/on_demand": 15}
    taken = resolved.offers["Acme/any/acme-8x/on_demand"]
    assert (taken.site, taken.stock) == ("cloud", 4)
    assert set(resolved.accelerators) == {"Acc-80", "Lib-40"}


def test_filters_of_a_selection(folder: Path, valid: Path) -> None:
    selection = "{site: cloud, terms: [reserved_1y], node_types: [acme-8x], accelerators: [Lib-40]}"
    resolved = load_instance(with_selection(valid, selection), Library((folder,)))
    assert set(resolved.offers) == {"rented", "Acme/north-1/acme-8x/reserved_1y"}


def test_two_sites_in_one_region(folder: Path, valid: Path) -> None:
    with_selection(valid, "{site: cloud, node_types: [acme-1x]}", "{site: other, node_types: [acme-1x]}")
    site = "  - {name: other, kind: public_cloud, country: NO, provider: Acme, region: north-1}\n"
    valid.write_text(valid.read_text().replace("offers:\n", site + "offers:\n", 1))
    names = set(load_instance(valid, Library((folder,))).offers)
    price = "Acme/north-1/acme-1x/on_demand"
    assert names == {"rented", f"{price}@cloud", f"{price}@other"}


NO_PRICE = [
    (
        ["{site: cloud, terms: [on_demand, reserved_3y]}"],
        "30: catalog_offers[0].terms[1]: no price: the selection matches none for reserved_3y at Acme north-1",
    ),
    (
        ["{site: cloud, terms: [reserved_1y], node_types: [acme-8x, acme-1x]}"],
        "30: catalog_offers[0].node_types[1]: no price: the selection matches none for acme-1x at Acme north-1",
    ),
    (
        ["{site: cloud, accelerators: [Lib-40, Acc-80]}"],
        "30: catalog_offers[0].accelerators[1]: no price: the selection matches none for Acc-80 at Acme north-1",
    ),
    (["{site: cloud, terms: []}"], "30: catalog_offers[0]: no price: the selection matches none at Acme north-1"),
    (
        ["{site: cloud, node_types: [acme-1x]}", "{site: cloud, node_types: [acme-1x]}"],
        "31: catalog_offers[1]: takes offer 'Acme/north-1/acme-1x/on_demand', which this instance has already",
    ),
    (
        ["{site: cloud, terms: [owned]}"],
        "30: catalog_offers[0].terms: owned nodes have no price in a catalogue; write an offer with term owned",
    ),
]


@pytest.mark.parametrize(("selections", "expected"), NO_PRICE)
def test_a_selection_without_a_price_is_an_error(
    folder: Path, valid: Path, selections: list[str], expected: str
) -> None:
    assert message(with_selection(valid, *selections), Library((folder,))) == expected


SITES = [
    ("provider: Acme, region: north-1", "provider: Acme", "site cloud has no region; Acme's prices differ by region"),
    ("provider: Acme", "provider: Acne", "no price: the catalogue has none of provider 'Acne'; did you mean Acme?"),
]


@pytest.mark.parametrize(("old", "new", "expected"), SITES)
def test_a_site_outside_the_catalogue(folder: Path, valid: Path, old: str, new: str, expected: str) -> None:
    with_selection(valid, "{site: cloud}")
    valid.write_text(valid.read_text().replace(old, new))
    assert message(valid, Library((folder,))) == f"30: catalog_offers[0].site: {expected}"


def test_region_without_prices(folder: Path, valid: Path) -> None:
    offers = folder / "catalog/offers/acme.csv"
    offers.write_text("".join(line for line in offers.read_text().splitlines(keepends=True) if ",any," not in line))
    with_selection(valid, "{site: cloud}")
    valid.write_text(valid.read_text().replace("north-1", "north-2"))
    expected = "30: catalog_offers[0].site: no price: the catalogue has none of Acme in north-2; did you mean north-1?"
    assert message(valid, Library((folder,))) == expected


def test_a_model_of_the_library(folder: Path, valid: Path) -> None:
    text = VALID[: VALID.index("workloads:")]
    valid.write_text(
        f"{text}workloads:\n  - name: search\n    kind: request_serving\n    model: tiny-encoder\n"
        "    classes: [{name: query, requests_per_s: 5}]\n"
    )
    resolved = load_instance(valid, Library((folder,)))
    assert set(resolved.models) == {"tiny-encoder"}
    (folder / "models/tiny-encoder.yaml").write_text("name: tiny-encoder\n")
    assert "tiny-encoder.yaml:1: title: missing field" in message(valid, Library((folder,)))


def test_an_instance_built_in_code(valid: Path, empty_library: Library) -> None:
    instance = load_instance(valid, empty_library).instance
    assert resolve(instance, empty_library).path == "<memory>"
    wrong = instance.model_copy(update={"offers": ()})
    with pytest.raises(InputError) as caught:
        resolve(wrong, empty_library)
    assert str(caught.value) == "<memory>: no offers: give offers, catalog_offers or both"


def digest_of(path: Path, text: str) -> str:
    path.write_text(text)
    resolved: ResolvedInstance = load_instance(path, Library(()))
    return resolved.digest


def test_digest_depends_on_the_question_only(valid: Path) -> None:
    digest = digest_of(valid, VALID)
    assert digest == digest_of(valid, VALID)
    assert digest == digest_of(valid, "# comment\n" + VALID.replace("horizon_days: 30", "horizon_days: 30.0"))
    assert digest == digest_of(valid, VALID + "baseline_plan: old.json\nallow_unserved: false\n")
    assert digest != digest_of(valid, VALID.replace("usd_per_hour: 1.5", "usd_per_hour: 1.51"))
    assert digest != digest_of(valid, VALID.replace("memory_gb: 80", "memory_gb: 81"))


def test_digest_follows_the_catalogue(folder: Path, valid: Path) -> None:
    with_selection(valid, "{site: cloud, node_types: [acme-1x]}")
    before = load_instance(valid, Library((folder,))).digest
    offers = folder / "catalog/offers/acme.csv"
    offers.write_text(offers.read_text().replace("Acme,any,acme-8x,on_demand,15", "Acme,any,acme-8x,on_demand,16"))
    assert load_instance(valid, Library((folder,))).digest == before
    offers.write_text(offers.read_text().replace("acme-1x,on_demand,2,", "acme-1x,on_demand,3,"))
    assert load_instance(valid, Library((folder,))).digest != before


def test_every_unsupported_feature_has_an_invalid_instance() -> None:
    from test_invalid import EXPECTED

    said = "".join(path.read_text(encoding="utf-8") for path in EXPECTED)
    assert [text for _, text in UNSUPPORTED if text not in said] == []
