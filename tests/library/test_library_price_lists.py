"""Price lists in the formats of SkyPilot, gpuhunt, AWS and our quote become prices of the catalogue.

The files in `price_lists` are in the exact formats. Published (sources as in catalog/offers) are the on-demand prices
in us-east-1 and us-central1, the spot prices of p4d and g2, and the AWS reservation of 5,182 USD; others are made up.
"""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from gpufleet import ImportWishes, Library, import_prices, write_prices
from gpufleet.errors import InputError
from gpufleet.library.importers.prices.accelerators import candidates
from gpufleet.library.importers.prices.quote import COLUMNS, template_csv, template_xlsx
from gpufleet.library.price_files import table_text, write_node_types

if TYPE_CHECKING:
    from gpufleet.library.importers.prices.imported import ImportedPrices

LISTS = Path(__file__).parent / "price_lists"
LIBRARY = Library.open()
DAY = datetime.date(2026, 11, 1)


def skypilot(path: Path = LISTS / "skypilot_aws.csv", **wishes: Any) -> ImportedPrices:
    return import_prices("skypilot", path, ImportWishes(**{"as_of": DAY, "provider": "aws", **wishes}), LIBRARY)


def prices(found: ImportedPrices) -> dict[str, float | None]:
    return {offer.name: offer.usd_per_hour for offer in found.offers}


def message(error: pytest.ExceptionInfo[InputError], path: Path) -> list[str]:
    return [str(problem).replace(f"{path}:", "").replace(f"{path}", "") for problem in error.value.problems]


def test_skypilot_on_demand_and_the_lowest_spot_zone() -> None:
    found = skypilot()
    assert prices(found) == {
        "AWS/eu-west-1/aws-g5.xlarge/on_demand": 1.123,
        "AWS/us-east-1/aws-g5.xlarge/on_demand": 1.006,
        "AWS/us-east-1/aws-g5.xlarge/spot": 0.3987,
        "AWS/us-east-1/aws-p4d.24xlarge/on_demand": 21.957642,
        "AWS/us-east-1/aws-p4d.24xlarge/spot": 12.4991,
    }
    spot = next(offer for offer in found.offers if offer.term == "spot")
    assert (spot.as_of, spot.note) == (DAY, "Lowest quoted zone.")
    assert spot.source.startswith("SkyPilot catalogue skypilot_aws.csv (sha256 ")


def test_rows_that_are_not_taken_are_counted_with_the_reason() -> None:
    found = skypilot()
    assert found.reasons == {
        "node type not in the catalogue": 1,
        "no accelerator, and no CPU node type of the catalogue": 2,
    }
    assert {row.instance for row in found.skipped} == {"g6.2xlarge", "m5.large"}
    assert found.rows == len(found.offers) + len(found.skipped) + found.repeated == 10


def test_node_types_are_made_of_what_the_row_says() -> None:
    found = skypilot(create_node_types=True)
    (made,) = found.node_types
    assert (made.name, made.accelerator, made.accelerators) == ("aws-g6.2xlarge", "L4", 1)
    assert (made.host_vcpus, made.host_memory_gb, made.network_gb_s) == (8, 32, None)
    assert made.note is not None
    assert "Assumed" in made.note
    assert prices(found)["AWS/us-east-1/aws-g6.2xlarge/on_demand"] == 0.9776


def test_regions_are_filtered_and_must_be_there() -> None:
    assert set(prices(skypilot(regions=("eu-west-1",)))) == {"AWS/eu-west-1/aws-g5.xlarge/on_demand"}
    with pytest.raises(InputError, match=r"has no prices in eu-west-2; did you mean eu-west-1\?"):
        skypilot(regions=("eu-west-2",))


def test_an_undated_list_needs_a_day_and_a_provider() -> None:
    with pytest.raises(InputError, match="is not dated; say from when it is: --as-of 2026-11-01"):
        skypilot(as_of=None)
    with pytest.raises(InputError, match="does not say whose prices they are; say it: --provider AWS"):
        skypilot(provider=None)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("0", "the price of g5.xlarge in us-east-1 is 0 ('0'); remove the row, or state the price: nothing is free"),
        ("-1.2", "the price of g5.xlarge in us-east-1 is negative ('-1.2'); remove the row, or state the price: "
                 "nothing is free"),
        ("nan", "the price of g5.xlarge in us-east-1 is 'nan'; expected a number such as 3.25"),
        ("1.1 EUR", "the price of g5.xlarge in us-east-1 is '1.1 EUR'; only US dollars are read: convert it, and write "
                    "the number"),
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_an_error_in_its_row(tmp_path: Path, cell: str, said: str) -> None:
    text = (LISTS / "skypilot_aws.csv").read_text()
    path = tmp_path / "vms.csv"
    path.write_text(text.replace("1.006,0.4021", f"{cell},0.4021", 1))
    with pytest.raises(InputError) as error:
        skypilot(path)
    assert f"2: Price: {said}" in message(error, path)


def test_all_rows_that_are_wrong_are_said_at_once(tmp_path: Path) -> None:
    text = (LISTS / "skypilot_aws.csv").read_text()
    path = tmp_path / "vms.csv"
    path.write_text(text.replace("1.006,0.3987", "1.2,0.3987").replace("A100,8.0", "A100,eight").replace("1.123", "0"))
    with pytest.raises(InputError) as error:
        skypilot(path)
    assert message(error, path) == [
        "2: Price: AWS/us-east-1/aws-g5.xlarge/on_demand has prices that disagree: 1.006 (line 2), 1.2 (line 3); "
        "remove all but one",
        "4: AcceleratorCount: expected a number, got 'eight'; write it alone, without a unit",
        "7: Price: the price of g5.xlarge in eu-west-1 is 0 ('0'); remove the row, or state the price: nothing is free",
    ]


def test_another_machine_of_the_same_name_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "vms.csv"
    path.write_text((LISTS / "skypilot_aws.csv").read_text().replace("A100,8.0", "A100,4.0").replace("A10G", "L4"))
    found = skypilot(path)
    assert "it has 4 accelerators, the catalogue's aws-p4d.24xlarge 8" in found.reasons
    assert "it has L4, the catalogue's aws-g5.xlarge A10G" in found.reasons


def test_fractions_of_accelerators_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "vms.csv"
    path.write_text((LISTS / "skypilot_aws.csv").read_text().replace("A100,8.0", "A100,0.167"))
    assert skypilot(path).reasons["it has a fraction of an accelerator"] == 2


def test_another_kind_of_file_is_said_to_be_that() -> None:
    with pytest.raises(InputError, match="no column InstanceType, so this is no SkyPilot catalogue"):
        skypilot(LISTS / "gpuhunt_gcp.csv")


def test_gpuhunt_takes_zones_for_regions() -> None:
    wishes = ImportWishes(as_of=DAY, provider="gcp")
    found = import_prices("gpuhunt", LISTS / "gpuhunt_gcp.csv", wishes, LIBRARY)
    assert prices(found) == {
        "GCP/us-central1/gcp-g2-standard-4/on_demand": 0.706832,
        "GCP/us-central1/gcp-g2-standard-4/spot": 0.397336,
    }
    assert (found.repeated, len(found.skipped)) == (1, 2)


@pytest.mark.parametrize(("upfront", "year"), [("all", 5182 / 8760), ("partial", 2628 / 8760 + 0.31), ("no", 0.634)])
def test_aws_reservations_spread_the_upfront_payment(upfront: str, year: float) -> None:
    wishes = ImportWishes(upfront=upfront)  # type: ignore[arg-type]
    found = import_prices("aws-price-list", LISTS / "aws_index.json", wishes, LIBRARY)
    known = prices(found)
    assert known["AWS/us-east-1/aws-g5.xlarge/reserved_1y"] == pytest.approx(year, abs=1e-9)
    assert known["AWS/us-east-1/aws-g5.xlarge/on_demand"] == 1.006
    assert known["AWS/us-east-1/aws-inf2.xlarge/on_demand"] == 0.7582
    three = known.get("AWS/us-east-1/aws-g5.xlarge/reserved_3y")
    assert three == (0.4 if upfront == "all" else None)  # 10,512 USD over 26,280 hours
    assert {str(offer.as_of) for offer in found.offers} == {"2026-07-20"}  # of publication


def test_aws_instances_without_a_name_for_their_gpu_need_one() -> None:
    wishes = ImportWishes(create_node_types=True, accelerators={"g6.2xlarge": "L4"})
    found = import_prices("aws-price-list", LISTS / "aws_index.json", wishes, LIBRARY)
    assert [node.name for node in found.node_types] == ["aws-g6.2xlarge"]
    wishes = ImportWishes(create_node_types=True)
    found = import_prices("aws-price-list", LISTS / "aws_index.json", wishes, LIBRARY)
    assert list(found.reasons) == ["accelerator GPU not in the catalogue (--accelerator names it)"]


def test_aws_prices_in_another_currency_are_refused(tmp_path: Path) -> None:
    whole = json.loads((LISTS / "aws_index.json").read_text())
    text = json.dumps(whole).replace('{"USD": "1.0060000000"}', '{"CNY": "7.1"}')
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(InputError, match=r"g5.xlarge has no price in USD \(currencies: CNY\)"):
        import_prices("aws-price-list", tmp_path / "index.json", None, LIBRARY)


HEADER = ",".join(column.name for column in COLUMNS)
ROW = "my-colo,any,dgx-h100,purchase,USD,,,285000,5,0.1,0.05,2,16,10:0.05; 50:0.08,,2026-09-30,2026-12-31,Q-17,Made up"


def quoted(tmp_path: Path, *rows: str) -> ImportedPrices:
    path = tmp_path / "quote.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return import_prices("quote", path, None, LIBRARY)


def test_a_quote_keeps_all_of_its_terms(tmp_path: Path) -> None:
    (offer,) = quoted(tmp_path, ROW).offers
    assert (offer.capex_usd, offer.life_years, offer.residual_fraction) == (285000, 5, 0.1)
    assert (offer.min_order, offer.stock) == (2, 16)
    assert [(step.from_count, step.discount_fraction) for step in offer.price_steps] == [(10, 0.05), (50, 0.08)]
    assert (str(offer.as_of), str(offer.valid_until)) == ("2026-09-30", "2026-12-31")
    assert offer.source == "Quote Q-17 of my-colo"


def test_a_reservation_may_be_paid_up_front(tmp_path: Path) -> None:
    row = "my-colo,any,dgx-h100,reserved_3y,USD,10,26280,,,,,,,,,2026-09-30,,Q-17,"
    assert quoted(tmp_path, row).offers[0].usd_per_hour == 11


def test_everything_wrong_in_a_quote_is_said_at_once(tmp_path: Path) -> None:
    rows = [
        ROW.replace("USD", "EUR"),
        ROW.replace("285000", ""),
        ROW.replace("purchase", "leased"),
        ROW.replace("2026-09-30", "30.9.2026").replace("my-colo", ""),
        ROW.replace("285000,5,", "285000,,"),
        ROW.replace("10:0.05; 50:0.08", "10=5 %"),
        ROW.replace("Q-17", "example"),
    ]
    with pytest.raises(InputError) as error:
        quoted(tmp_path, *rows)
    assert message(error, tmp_path / "quote.csv") == [
        "2: currency: is 'EUR'; only USD is read: convert the prices, and note the rate",
        "3: usd_per_node: is empty; term purchase needs it: a missing price is never taken as 0",
        "4: term: expected one of purchase, reserved_1y, reserved_3y, on_demand, spot; got 'leased'",
        "5: provider: is empty. Who sells it, as the sites of your instances name their provider.",
        "5: quoted_on: expected a date such as 2026-09-30, got '30.9.2026'",
        "6: term: term purchase needs life_years; a missing price is never taken as 0",
        "7: volume_discounts: '10=5 %' is no discount; write NODES:SHARE, as in 10:0.05; 50:0.08",
        "8: quote_reference: this is the example of the template; delete the row, or write the reference of your quote",
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_template_is_refused_until_its_example_is_gone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"quote.{kind}"
    path.write_bytes(template_xlsx() if kind == "xlsx" else template_csv().encode())
    with pytest.raises(InputError, match="this is the example of the template"):
        import_prices("quote", path, None, LIBRARY)


def test_a_workbook_that_is_filled_in_is_read(tmp_path: Path) -> None:
    book = load_workbook(io.BytesIO(template_xlsx()))
    sheet = book["Quote"]
    place = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, place["quote_reference"]).value = "Q-18"
    sheet.cell(2, place["usd_per_node"]).value = 199999.5
    book.save(tmp_path / "quote.xlsx")
    (offer,) = import_prices("quote", tmp_path / "quote.xlsx", None, LIBRARY).offers
    assert (offer.capex_usd, str(offer.as_of), str(offer.valid_until)) == (199999.5, "2026-09-30", "2026-12-31")
    assert "Instructions" in book.sheetnames


def test_no_workbook_at_all(tmp_path: Path) -> None:
    (tmp_path / "quote.xlsx").write_text("provider,region\n")
    with pytest.raises(InputError, match=r"no Excel workbook \(.xlsx\)"):
        import_prices("quote", tmp_path / "quote.xlsx", None, LIBRARY)


@pytest.mark.parametrize(
    ("name", "memory", "hint", "meant"),
    [
        ("A100", 40.0, "", ("A100-PCIe-40GB", "A100-SXM-40GB")),
        ("A100-80GB", None, "A100 PCIe", ("A100-PCIe-80GB",)),
        ("NVIDIA H100 80GB HBM3 SXM", None, "", ()),
        ("H100", 80.0, "gpu_8x_h100_sxm5", ("H100-SXM-80GB",)),
        ("H100NVL", 94.0, "", ("H100-NVL-94GB",)),
        ("MI300X", 192.0, "", ("MI300X-192GB",)),
        ("A6000", 48.0, "", ("RTX-A6000",)),
        ("RTX6000Ada", 48.0, "", ("RTX-6000-Ada",)),
        ("B200", 183.0, "", ("B200-SXM-180GB",)),
        ("RTX4090", 24.0, "", ("RTX-4090",)),
        ("Trainium", None, "", ("Trainium1",)),
        ("tpu-v5e", None, "", ("TPU-v5e",)),
        ("K80", 12.0, "", ()),
    ],
)
def test_names_of_accelerators(name: str, memory: float | None, hint: str, meant: tuple[str, ...]) -> None:
    assert candidates(name, memory, hint, LIBRARY.accelerators) == meant


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = skypilot(create_node_types=True)
    folder = tmp_path / "lib" / "catalog"
    write_prices(found.offers, folder / "offers" / "aws.csv", archive=False)
    assert write_node_types(found.node_types, folder / "node_types" / "aws.csv") == 1
    assert write_node_types(found.node_types, folder / "node_types" / "aws.csv") == 0
    again = Library((tmp_path / "lib",))
    assert tuple(again.offers.values()) == found.offers
    assert tuple(again.node_types.values()) == found.node_types


def test_a_newer_file_sets_the_older_aside_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / "catalog" / "offers"
    older, newer = skypilot().offers, skypilot(regions=("us-east-1",)).offers
    write_prices(older, folder / "aws_1.csv", archive=False)
    with pytest.raises(InputError, match=r"holds prices that aws_2.csv would hold too.*--archive"):
        write_prices(newer, folder / "aws_2.csv", archive=False)
    assert not (folder / "aws_2.csv").exists()
    moved = write_prices(newer, folder / "aws_2.csv", archive=True)
    assert moved == {folder / "aws_1.csv": ["AWS/eu-west-1/aws-g5.xlarge/on_demand"]}
    assert (folder / "archive" / "aws_1.csv").read_text() == table_text(older)
    assert len(Library((tmp_path / "lib",)).offers) == len(newer)
