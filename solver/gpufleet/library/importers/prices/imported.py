"""From a price list to prices of the catalogue, with everything that was left out."""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.importers.prices.aws import aws_rows, read_price_list
from gpufleet.library.importers.prices.gpuhunt import gpuhunt_rows
from gpufleet.library.importers.prices.matching import Matcher, SkippedError
from gpufleet.library.importers.prices.quote import quote_rows
from gpufleet.library.importers.prices.rows import Problems, usd_price
from gpufleet.library.importers.prices.skypilot import skypilot_rows
from gpufleet.library.library import given_or_usual
from gpufleet.library.validation import validate
from gpufleet.library.wording import did_you_mean
from gpufleet.schema.offers import CatalogOffer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.importers.prices.aws import OfferingClass, Upfront
    from gpufleet.library.importers.prices.rows import PriceRow
    from gpufleet.library.library import Library
    from gpufleet.schema.hardware import NodeType

PriceSource = Literal["skypilot", "gpuhunt", "aws-price-list", "quote"]
TITLES: dict[PriceSource, str] = {
    "skypilot": "SkyPilot catalogue",
    "gpuhunt": "gpuhunt catalogue",
    "aws-price-list": "AWS price list",
    "quote": "Quote",
}


@dataclass(frozen=True)
class ImportWishes:
    """What is to be taken from a price list."""

    as_of: datetime.date | None = None
    """The day on which the prices held; needed where the source is not dated."""
    provider: str | None = None
    """Whose prices they are, where the file does not say; else only this provider's are taken."""
    regions: tuple[str, ...] = ()
    """Only these regions; empty = all."""
    create_node_types: bool = False
    """Make node types for instances that the catalogue lacks, where it has their accelerator."""
    accelerators: Mapping[str, str] = field(default_factory=dict)
    """Accelerators of the catalogue by the source's names for them, or for the instances that carry them."""
    upfront: Upfront = "all"
    """AWS reservations: which payment option."""
    offering_class: OfferingClass = "standard"
    """AWS reservations: which class."""


@dataclass(frozen=True)
class SkippedRow:
    """A row that was not taken, and why."""

    line: int
    """Line or row; 0 where the format has none."""
    provider: str
    region: str
    instance: str
    accelerator: str
    term: str
    reason: str


@dataclass(frozen=True)
class ImportedPrices:
    """What a price list holds for the catalogue."""

    offers: tuple[CatalogOffer, ...]
    """By provider, region, node type and term."""
    node_types: tuple[NodeType, ...]
    """Those that were made, of which some offer is."""
    skipped: tuple[SkippedRow, ...]
    """Rows that were not taken."""
    rows: int
    """Prices that were read, of the regions and provider asked for."""

    @property
    def repeated(self) -> int:
        """Prices that say again what another says, or are of a dearer zone."""
        return self.rows - len(self.skipped) - len(self.offers)

    @property
    def reasons(self) -> Counter[str]:
        """How many rows were skipped for which reason."""
        return Counter(row.reason for row in self.skipped)


class _Place:
    """Places the problems of one row."""

    def __init__(self, path: str, line: int) -> None:
        self.path, self.line = path, line

    def line_of(self, loc: Loc) -> int:
        """The row's line."""
        return self.line


def import_prices(
    source: PriceSource, path: Path | str, wishes: ImportWishes | None = None, library: Library | None = None
) -> ImportedPrices:
    """Read a price list (docs/prices.md says in which formats).

    Raises InputError with every problem of the rows that would be taken: prices that are missing, 0, negative, no
    numbers or not in USD, and prices of the same thing that disagree.
    """
    asked, problems, known = wishes or ImportWishes(), Problems(str(path)), given_or_usual(library)
    rows, as_of = _rows(source, path, asked, problems)
    title = f"{TITLES[source]} {Path(path).name}"
    if source != "quote":
        title = f"{title} (sha256 {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]})"
    matcher = Matcher(known, create=asked.create_node_types, names=_checked_names(asked, known), source=title)
    wanted = _wanted(rows, asked, matcher, problems)
    skipped: list[SkippedRow] = []
    found: dict[str, list[tuple[PriceRow, CatalogOffer]]] = {}
    for row in wanted:
        try:
            node = matcher.node_type(row)
        except SkippedError as reason:
            skipped.append(_skipped(row, str(reason)))
            continue
        offer = _offer(row, node.name, matcher.provider(row.provider), title, as_of, problems)
        if offer is not None:
            found.setdefault(offer.name, []).append((row, offer))
    offers = [_one_of(same, problems) for same in found.values()]
    problems.stop()
    offers.sort(key=lambda offer: (offer.provider, offer.region, offer.node_type, offer.term))
    used = {offer.node_type for offer in offers}
    made = tuple(node for name, node in sorted(matcher.created.items()) if name in used)
    return ImportedPrices(tuple(offers), made, tuple(skipped), len(wanted))


def _rows(
    source: PriceSource, path: Path | str, asked: ImportWishes, problems: Problems
) -> tuple[list[PriceRow], datetime.date | None]:
    """The rows of a file, and the day of their prices; InputError where the source does not say which, and nobody
    did."""
    if source == "aws-price-list":
        found = read_price_list(path, problems)
        as_of = asked.as_of or (datetime.date.fromisoformat(found.published) if found.published else None)
        _needed(path, as_of is not None, "as_of", "has no publicationDate; say from when it is: --as-of 2026-11-01")
        rows = aws_rows(found, asked.provider or "AWS", asked.upfront, asked.offering_class, problems)
        return list(rows), as_of
    if source == "quote":
        return list(quote_rows(path, problems)), None
    _needed(path, asked.as_of is not None, "as_of", "is not dated; say from when it is: --as-of 2026-11-01")
    if source == "skypilot":
        message = "does not say whose prices they are; say it: --provider AWS"
        _needed(path, asked.provider is not None, "provider", message)
        return list(skypilot_rows(path, asked.provider or "", problems)), asked.as_of
    return list(gpuhunt_rows(path, asked.provider, problems)), asked.as_of


def _needed(path: Path | str, given: bool, field_name: str, message: str) -> None:
    if not given:
        raise InputError([InputProblem(str(path), 0, field_name, f"the file {message}")])


def _checked_names(asked: ImportWishes, library: Library) -> Mapping[str, str]:
    """The accelerators that were named exist."""
    unknown = [name for name in asked.accelerators.values() if name not in library.accelerators]
    if unknown:
        raise InputError(
            InputProblem(
                "--accelerator", 0, "", f"unknown accelerator {name}{did_you_mean(name, library.accelerators)}"
            )
            for name in unknown
        )
    return asked.accelerators


def _wanted(rows: Sequence[PriceRow], asked: ImportWishes, matcher: Matcher, problems: Problems) -> list[PriceRow]:
    """Rows of the provider and the regions asked for, each of which must be there."""
    provider = None if asked.provider is None else matcher.provider(asked.provider)
    own = [row for row in rows if provider is None or matcher.provider(row.provider) == provider]
    if rows and not own:
        known = {matcher.provider(row.provider) for row in rows}
        problems.add(0, "provider", f"has no prices of {provider}; it has {', '.join(sorted(known))}")
    if not rows and not problems.found:
        problems.add(0, "", "holds no price")
    regions = {row.region for row in own}
    for region in asked.regions:
        if own and region not in regions:
            problems.add(0, "region", f"has no prices in {region}{did_you_mean(region, regions)}")
    return [row for row in own if not asked.regions or row.region in asked.regions]


def _skipped(row: PriceRow, reason: str) -> SkippedRow:
    return SkippedRow(row.line, row.provider, row.region, row.instance, row.accelerator, row.term, reason)


def _offer(
    row: PriceRow, node_type: str, provider: str, title: str, as_of: datetime.date | None, problems: Problems
) -> CatalogOffer | None:
    price = usd_price(row, problems)
    if price is None:
        return None
    fields: dict[str, Any] = {
        "provider": provider,
        "region": row.region,
        "node_type": node_type,
        "term": row.term,
        "capex_usd" if row.term == "purchase" else "usd_per_hour": price,
        "source": row.source or title,
        "as_of": as_of,
        "note": row.note,
        **row.extra,
    }
    try:
        return validate(CatalogOffer, fields, _Place(problems.file, row.line))
    except InputError as error:
        problems.found.extend(error.problems)
        return None


def _one_of(same: list[tuple[PriceRow, CatalogOffer]], problems: Problems) -> CatalogOffer:
    """One price for one thing: of spot prices the lowest zone's, as the catalogue has them; others must agree."""
    row, offer = same[0]
    if len({_price(other) for _, other in same}) == 1:
        return offer
    if offer.term == "spot":
        lowest = min((other for _, other in same), key=_price)
        note = "Lowest quoted zone." if lowest.note is None else f"{lowest.note} Lowest quoted zone."
        return lowest.model_copy(update={"note": note})
    prices = ", ".join(f"{_price(other):g} ({_where(found)})" for found, other in _different(same))
    message = f"{offer.name} has prices that disagree: {prices}; remove all but one"
    problems.add(row.line, row.column, message)
    return offer


def _different(same: list[tuple[PriceRow, CatalogOffer]]) -> Iterator[tuple[PriceRow, CatalogOffer]]:
    seen: set[float] = set()
    for row, offer in same:
        if _price(offer) not in seen:
            seen.add(_price(offer))
            yield row, offer


def _where(row: PriceRow) -> str:
    return f"line {row.line}" if row.line else row.column


def _price(offer: CatalogOffer) -> float:
    return float(offer.capex_usd if offer.capex_usd is not None else offer.usd_per_hour or 0.0)
