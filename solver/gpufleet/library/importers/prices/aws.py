"""AWS price lists: the offer file of AmazonEC2 (`index.json`), for one region or all.

Taken are Linux instances of shared tenancy without further software: on demand, and reserved for one and three years.
An up-front payment is spread evenly over the hours of the term, without interest.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.importers.prices.rows import PriceRow
from gpufleet.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.prices.rows import Problems
    from gpufleet.schema.offers import Term

Upfront = Literal["no", "partial", "all"]
OfferingClass = Literal["standard", "convertible"]
WANTED: Final = {
    "operatingSystem": {"Linux"},
    "tenancy": {"Shared"},
    "preInstalledSw": {"NA"},
    "capacitystatus": {"Used"},
}
"""Attributes of the products that are taken."""
TERMS: Final[dict[str, tuple[Term, int]]] = {"1yr": ("reserved_1y", 1), "3yr": ("reserved_3y", 3)}
_DIGITS: Final = 9


@dataclass(frozen=True)
class PriceList:
    """The parts of an offer file that are needed."""

    published: str
    """Day of publication; empty where the file does not say."""
    products: dict[str, dict[str, str]]
    """Attributes of Linux instances by SKU."""
    terms: dict[str, Any]


def read_price_list(path: Path | str, problems: Problems) -> PriceList:
    """Read an offer file; products that are no such instances are dropped while it is read, to keep it small."""
    try:
        with Path(path).open(encoding="utf-8") as stream:
            found = json.load(stream, object_hook=_wanted)
    except OSError as error:
        raise InputError([InputProblem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
    except (ValueError, RecursionError) as error:
        raise InputError([InputProblem(str(path), 0, "", f"not valid JSON: {error}")]) from None
    if not isinstance(found, dict) or "products" not in found or "terms" not in found:
        problems.add(0, "", "no AWS price list: it has no products and terms; give the index.json of AmazonEC2")
        problems.stop()
    products = {sku: product for sku, product in found["products"].items() if product}
    return PriceList(str(found.get("publicationDate", ""))[:10], products, found["terms"])


def _wanted(value: dict[str, Any]) -> Any:
    """A product becomes its attributes, or nothing; everything else stays."""
    attributes = value.get("attributes")
    if "sku" not in value or not isinstance(attributes, dict):
        return value
    wanted = all(attributes.get(name) in values for name, values in WANTED.items())
    return attributes if wanted and "instanceType" in attributes else None


def aws_rows(
    found: PriceList, provider: str, upfront: Upfront, offering: OfferingClass, problems: Problems
) -> Iterator[PriceRow]:
    """On-demand and reserved prices of every instance type, with the one payment option and class asked for."""
    for sku, product in found.products.items():
        for offer in found.terms.get("OnDemand", {}).get(sku, {}).values():
            yield from _row(sku, product, offer, provider, "on_demand", None, problems)
        for offer in found.terms.get("Reserved", {}).get(sku, {}).values():
            attributes = offer.get("termAttributes", {})
            term = TERMS.get(attributes.get("LeaseContractLength", ""))
            option, kind = attributes.get("PurchaseOption", ""), attributes.get("OfferingClass", "")
            if term is not None and option.lower() == f"{upfront} upfront" and kind == offering:
                note = f"{option}, {kind}; an up-front payment is spread over the term without interest"
                yield from _row(sku, product, offer, provider, term[0], note, problems, term[1])


def _row(
    sku: str,
    product: dict[str, str],
    offer: dict[str, Any],
    provider: str,
    term: Term,
    note: str | None,
    problems: Problems,
    years: int = 1,
) -> Iterator[PriceRow]:
    price = _usd_per_hour(sku, product, offer, years, problems)
    if price is None:
        return
    yield PriceRow(
        line=0,
        provider=provider,
        region=product.get("regionCode") or product.get("location", ""),
        instance=product["instanceType"],
        term=term,
        column=f"{sku} {term}",
        price=price,
        accelerator="" if product.get("gpu", "0") in ("", "0", "NA") else "GPU",
        count=int(product["gpu"]) if product.get("gpu", "").isdigit() and product["gpu"] != "0" else None,
        vcpus=_amount(product.get("vcpu", "")),
        host_memory_gb=_amount(product.get("memory", "")),
        whole=True,
        note=note,
    )


def _usd_per_hour(
    sku: str, product: dict[str, str], offer: dict[str, Any], years: int, problems: Problems
) -> str | None:
    """The hourly fee and the share of an up-front fee; None where a fee is in another currency, which is noted."""
    total = Decimal(0)
    for dimension in offer.get("priceDimensions", {}).values():
        prices = dimension.get("pricePerUnit", {})
        try:
            amount = Decimal(prices["USD"])
        except (KeyError, InvalidOperation):
            known = ", ".join(prices) or "none"
            message = f"{product['instanceType']} has no price in USD (currencies: {known}); only US dollars are read"
            problems.add(0, f"terms.{sku}", message)
            return None
        total += amount / (years * HOURS_PER_YEAR) if dimension.get("unit") == "Quantity" else amount
    return f"{total:.{_DIGITS}f}".rstrip("0").rstrip(".")


def _amount(text: str) -> float | None:
    """`1,152 GiB` and `96` as numbers; None for `NA`."""
    match = re.match(r"[\d,]+(\.\d+)?", text)
    return float(match[0].replace(",", "")) if match else None
