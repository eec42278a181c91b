"""Two states of prices side by side: files, folders, libraries, or days of a library."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.price_files import ARCHIVE
from gpufleet.library.tables import read_table
from gpufleet.schema.offers import CatalogOffer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gpufleet.library.library import Library
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.prices import PriceUnit

PRICED_ITEMS = ("rent", "write-off", "maintenance")
"""Lines of a bill that are proportional to the price of their offer."""


@dataclass(frozen=True)
class PriceChange:
    """One price before and after; None where it is not there."""

    name: str
    """`provider/region/node type/term`."""
    provider: str
    region: str
    node_type: str
    term: str
    unit: PriceUnit
    before_usd: float | None
    after_usd: float | None
    before_as_of: datetime.date | None
    after_as_of: datetime.date | None

    @property
    def kind(self) -> Literal["appeared", "vanished", "changed"]:
        """What happened to it."""
        if self.before_usd is None:
            return "appeared"
        return "vanished" if self.after_usd is None else "changed"

    @property
    def relative(self) -> float | None:
        """The change as a share of the price before; None where there is no other, or that was 0."""
        if not self.before_usd or self.after_usd is None:
            return None
        return self.after_usd / self.before_usd - 1


@dataclass(frozen=True)
class PriceDiff:
    """What differs between two states of prices."""

    changes: tuple[PriceChange, ...]
    """By provider, region, node type and term."""
    same: int
    """Prices that are the same in both."""
    undated: int = 0
    """Prices without a date, which are in no state of a day."""


@dataclass(frozen=True)
class RepricedOffer:
    """What a change of price means for one offer of a plan."""

    offer: str
    before_usd: float
    """Its priced lines of the bill over the horizon, USD."""
    after_usd: float | None
    """The same at the new price; None where that is not known any more."""
    relative: float | None


@dataclass(frozen=True)
class RepricedPlan:
    """The bill of a plan at other prices, without solving again: the same fleet."""

    before_usd: float
    after_usd: float
    """Offers without a new price count at the old one."""
    offers: tuple[RepricedOffer, ...]
    """Those whose price changed or vanished."""


def diff_prices(before: str | Path, after: str | Path, library: Library) -> PriceDiff:
    """Compare two states: price files (.csv), folders of them, library folders, or days (2026-11-01) of the library.

    A day's state holds, of every price in the library's files and in `archive` beside them, the newest that is not
    after it. Raises InputError for what cannot be read.
    """
    states = [_state(str(where), library) for where in (before, after)]
    old, new = states[0][0], states[1][0]
    names = sorted(old.keys() | new.keys())
    changes = [_change(old.get(name), new.get(name)) for name in names]
    differing = [change for change in changes if change.before_usd != change.after_usd]
    return PriceDiff(tuple(differing), len(names) - len(differing), max(states[0][1], states[1][1]))


def reprice(plan: Plan, diff: PriceDiff) -> RepricedPlan:
    """The bill of a plan after a change of list prices. Discounts of an overlay are taken to stay the same shares;
    private prices do not move with the list. Raises InputError for a plan that does not say where its prices are from.
    """
    if plan.nodes and not plan.offer_prices:
        message = "does not say where its prices come from; solve again to compare its bill"
        raise InputError([InputProblem(plan.instance, 0, "offer_prices", message)])
    by_name = {change.name: change for change in diff.changes if change.before_usd is not None}
    found: list[RepricedOffer] = []
    total = sum(line.total_usd for line in plan.costs)
    for price in plan.offer_prices:
        change = by_name.get(price.offer) or by_name.get(price.offer.rpartition("@")[0])
        private = any(rule.startswith("private_prices") for rule in price.rules)
        if price.file is not None and change is not None and not private:
            lines = [line for line in plan.costs if line.offer == price.offer and line.item in PRICED_ITEMS]
            cost = sum(line.total_usd for line in lines)
            share = change.relative
            found.append(RepricedOffer(price.offer, cost, None if share is None else cost * (1 + share), share))
    extra = sum(entry.after_usd - entry.before_usd for entry in found if entry.after_usd is not None)
    return RepricedPlan(total, total + extra, tuple(found))


def _state(where: str, library: Library) -> tuple[Mapping[str, CatalogOffer], int]:
    """Prices by name, and how many had no date where one was needed."""
    try:
        day = datetime.date.fromisoformat(where)
    except ValueError:
        return _from_path(Path(where)), 0
    dated: dict[str, CatalogOffer] = {}
    undated = 0
    for offer in _history(library.roots):
        if offer.as_of is None:
            undated += 1
        elif offer.as_of <= day and _newer(offer, dated.get(offer.name)):
            dated[offer.name] = offer
    if not dated:
        raise InputError([InputProblem(where, 0, "", "the library has no price of that day or before")])
    return dated, undated


def _newer(offer: CatalogOffer, known: CatalogOffer | None) -> bool:
    return known is None or (offer.as_of is not None and known.as_of is not None and offer.as_of > known.as_of)


def _history(roots: Iterable[Path]) -> Iterator[CatalogOffer]:
    """Prices of all files, those set aside too."""
    for root in roots:
        folder = root / "catalog" / "offers"
        for path in [*sorted(folder.glob("*.csv")), *sorted((folder / ARCHIVE).glob("*.csv"))]:
            yield from (offer for _, offer in read_table(path, CatalogOffer))


def _from_path(path: Path) -> Mapping[str, CatalogOffer]:
    if path.is_dir():
        folder = path / "catalog" / "offers" if (path / "catalog").is_dir() else path
        files = sorted(folder.glob("*.csv"))
        if not files:
            raise InputError([InputProblem(str(path), 0, "", "holds no price files (.csv)")])
    elif path.is_file():
        files = [path]
    else:
        message = "no such file or folder, and no day; give a price file, a folder, a library or a day as 2026-11-01"
        raise InputError([InputProblem(str(path), 0, "", message)])
    return {offer.name: offer for file in files for _, offer in read_table(file, CatalogOffer)}


def _change(before: CatalogOffer | None, after: CatalogOffer | None) -> PriceChange:
    one = after if after is not None else before
    assert one is not None
    unit: PriceUnit = "capex_usd" if one.term == "purchase" else "usd_per_hour"
    return PriceChange(
        name=one.name,
        provider=one.provider,
        region=one.region,
        node_type=one.node_type,
        term=one.term,
        unit=unit,
        before_usd=None if before is None else getattr(before, unit),
        after_usd=None if after is None else getattr(after, unit),
        before_as_of=None if before is None else before.as_of,
        after_as_of=None if after is None else after.as_of,
    )
