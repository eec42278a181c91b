"""An overlay laid over the offers of an instance: discounts, private prices, and nodes that are committed already."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from gpufleet.errors import InputProblem
from gpufleet.library.fields import format_path
from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.offers import HOURLY_TERMS, Offer
from gpufleet.schema.overlay import COMMITTED, CommittedNodes, Discount, PrivatePrice, Rule
from gpufleet.schema.prices import PlannedOverlay
from gpufleet.schema.resolved import AppliedOverlay
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.overlays import LoadedOverlay
    from gpufleet.library.references import PlacedOffer
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import CatalogOffer, Term

PlacedRule = tuple["Loc", "Discount | PrivatePrice"]
"""A rule with its place in the overlay."""


@dataclass(frozen=True)
class _Facts:
    """What rules can ask of an offer."""

    provider: str | None
    region: str | None
    term: Term
    node_type: str
    name: str


@dataclass
class _Laid:
    """What was found so far."""

    overlay: LoadedOverlay
    problems: list[InputProblem] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    list_prices: dict[str, float] = field(default_factory=dict)
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    valid_until: dict[str, datetime.date] = field(default_factory=dict)

    wrong: dict[tuple[Loc, str], list[str]] = field(default_factory=dict)
    """Offers for which a rule is wrong, by the rule's place and what is wrong."""

    def problems_of_rules(self) -> None:
        """One problem per rule, with the first of the offers."""
        for (loc, what), names in self.wrong.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self.problem(loc, f"matches {names[0]}{more}, {what}")

    def problem(self, loc: Loc, message: str) -> None:
        line = self.overlay.line_of(loc)
        self.problems.append(InputProblem(self.overlay.path, line, format_path(loc), message))


def catalog_name(loc: Loc, offer: Offer) -> str | None:
    """The name in the catalogue of an offer that a selection took from it; None for offers of the instance."""
    return offer.name.removesuffix(f"@{offer.site}") if loc[:1] == ("catalog_offers",) else None


def lay_over(
    placed: Sequence[PlacedOffer], instance: Instance, shelf: Shelf, findings: Findings
) -> tuple[list[PlacedOffer], AppliedOverlay | None]:
    """The offers as the library's overlay makes them, and what it did; notes rules that fit nothing or contradict."""
    overlay = shelf.library.overlay
    if overlay is None:
        return list(placed), None
    laid = _Laid(overlay)
    facts = {offer.name: _facts(loc, offer, shelf) for loc, offer in placed}
    everywhere = [*facts.values(), *map(_catalog_facts, shelf.library.offers.values())]
    rules = list(_in_force(instance, facts.values(), everywhere, laid))
    offers = [(loc, _with_rules(offer, facts[offer.name], rules, laid)) for loc, offer in placed]
    offers += [((), offer) for offer in _committed(instance, shelf, facts, laid)]
    laid.problems_of_rules()
    findings.problems.extend(laid.problems)
    record = PlannedOverlay(
        file=Path(overlay.path).name,
        digest=overlay.digest,
        expired=tuple(laid.expired),
        unused=tuple(laid.unused),
        committed_usd=_sunk(instance, overlay.record.committed_nodes),
    )
    return offers, AppliedOverlay(record, laid.list_prices, laid.rules, laid.words, laid.valid_until)


def _facts(loc: Loc, offer: Offer, shelf: Shelf) -> _Facts:
    site, name = shelf.sites.get(offer.site), catalog_name(loc, offer)
    price = shelf.library.offers.get(name) if name is not None else None
    provider = price.provider if price is not None else site.provider if site is not None else None
    region = site.region if site is not None else None
    return _Facts(provider, region or (price.region if price else None), offer.term, offer.node_type, offer.name)


def _catalog_facts(price: CatalogOffer) -> _Facts:
    return _Facts(price.provider, price.region, price.term, price.node_type, price.name)


def _in_force(
    instance: Instance, here: Iterable[_Facts], everywhere: Sequence[_Facts], laid: _Laid
) -> Iterator[PlacedRule]:
    """Rules that hold on the planning date; notes those that fit nothing at all."""
    record = laid.overlay.record
    known = list(here)
    listed: list[PlacedRule] = [(("discounts", n), r) for n, r in enumerate(record.discounts)]
    listed += [(("private_prices", n), rule) for n, rule in enumerate(record.private_prices)]
    for loc, rule in listed:
        if not any(_fits(rule, facts) for facts in everywhere):
            laid.problem(loc, _matches_nothing(rule, everywhere))
        elif rule.valid_until and instance.planning_date and rule.valid_until < instance.planning_date:
            laid.expired.append(f"{format_path(loc)} ended on {rule.valid_until}")
        elif not any(_fits(rule, facts) for facts in known):
            laid.unused.append(format_path(loc))
        else:
            yield loc, rule


def _fits(rule: Rule, facts: _Facts) -> bool:
    return (
        (rule.provider is None or _like(facts.provider, (rule.provider,)))
        and (rule.region is None or _like(facts.region, (rule.region,)))
        and (rule.terms is None or facts.term in rule.terms)
        and (rule.node_types is None or _like(facts.node_type, rule.node_types))
        and (rule.offers is None or _like(facts.name, rule.offers))
        and facts.term != "owned"  # which has no price
    )


def _like(value: str | None, patterns: Iterable[str]) -> bool:
    return value is not None and any(fnmatchcase(value, pattern) for pattern in patterns)


def _matches_nothing(rule: Rule, everywhere: Sequence[_Facts]) -> str:
    """Which field fits no offer, or that none fits all of them."""
    asked: tuple[tuple[str, Sequence[str], set[str]], ...] = (
        ("provider", (rule.provider or "*",), {facts.provider or "" for facts in everywhere}),
        ("region", (rule.region or "*",), {facts.region or "" for facts in everywhere}),
        ("node_types", rule.node_types or (), {facts.node_type for facts in everywhere}),
        ("offers", rule.offers or (), {facts.name for facts in everywhere}),
    )
    for name, patterns, known in asked:
        for pattern in patterns:
            if not any(_like(value, (pattern,)) for value in known):
                hint = did_you_mean(pattern, known) or "; see gpufleet catalog list offers"
                return f"matches no offer of the instance or the catalogue: {name} {show(pattern)}{hint}"
    fields = ", ".join(name for name in ("provider", "region", "terms", "node_types", "offers") if getattr(rule, name))
    return f"matches no offer of the instance or the catalogue: none fits all of {fields}; leave one of them out"


def _with_rules(offer: Offer, facts: _Facts, rules: list[PlacedRule], laid: _Laid) -> Offer:
    """The offer at the price that the rules lead to."""
    fitting = [(loc, rule) for loc, rule in rules if _fits(rule, facts)]
    private: list[PlacedRule] = [(loc, rule) for loc, rule in fitting if isinstance(rule, PrivatePrice)]
    for loc, rule in private:
        if isinstance(rule, PrivatePrice) and not rule.fits(offer.term):
            needed = "usd_per_hour" if offer.term in HOURLY_TERMS else "capex_usd"
            what = f"whose price is {needed}; narrow it by terms"
            laid.wrong.setdefault((loc, what), []).append(offer.name)
            return offer
    chosen = private or fitting
    if not chosen or _contradict(offer, chosen, laid):
        return offer
    unit = "usd_per_hour" if offer.term in HOURLY_TERMS else "capex_usd"
    before = float(getattr(offer, unit))
    laid.list_prices[offer.name] = before
    laid.rules[offer.name] = tuple(format_path(loc) for loc, _ in chosen)
    ends = [rule.valid_until for _, rule in chosen if rule.valid_until is not None]
    if ends:
        laid.valid_until[offer.name] = min(ends)
    after = _price(before, [rule for _, rule in chosen])
    if after != before:
        laid.words[offer.name] = _words(before, [rule for _, rule in chosen], laid.overlay)
    return offer.model_copy(update={unit: after, **_origin(chosen[0][1], laid.overlay)})


def _contradict(offer: Offer, chosen: list[PlacedRule], laid: _Laid) -> bool:
    """Notes two private prices of one offer, or two discounts without `on_top`."""
    first = chosen[0][0]
    clashing = [loc for loc, rule in chosen[1:] if not (isinstance(rule, Discount) and rule.on_top)]
    for loc in clashing:
        remedy = "narrow one of them" if loc[0] == "private_prices" else "narrow one of them, or write on_top: true"
        laid.wrong.setdefault((loc, f"and so does {format_path(first)}; {remedy}"), []).append(offer.name)
    return bool(clashing)


def _price(before: float, rules: Sequence[Discount | PrivatePrice]) -> float:
    """In exact decimals."""
    price = exact(before)
    for rule in rules:
        if isinstance(rule, PrivatePrice):
            return float(rule.usd_per_hour if rule.usd_per_hour is not None else rule.capex_usd or 0.0)
        price *= 1 - exact(rule.discount_fraction)
    return float(price)


def _words(before: float, rules: Sequence[Discount | PrivatePrice], overlay: LoadedOverlay) -> str:
    """For the bill: what was taken off which price, and who says so."""
    file = Path(overlay.path).name
    if isinstance(rules[0], PrivatePrice):
        return f"private price instead of {before:g} ({file})"
    shares = " and ".join(f"{rule.discount_fraction * 100:.4g} %" for rule in rules if isinstance(rule, Discount))
    agreed = rules[0].source or overlay.record.source
    return f"less {shares} from {before:g} ({file}: {agreed})"


def _origin(rule: Discount | PrivatePrice, overlay: LoadedOverlay) -> dict[str, object]:
    """Source and date of a private price; a discount leaves those of the list price."""
    if isinstance(rule, Discount):
        return {}
    dated = rule.as_of or overlay.record.as_of
    fields = {"source": rule.source or overlay.record.source, "as_of": dated, "assumed": False}
    return {**fields, "valid_until": rule.valid_until}


def _committed(instance: Instance, shelf: Shelf, taken: Iterable[str], laid: _Laid) -> Iterator[Offer]:
    """Offers of nodes that are paid for already: at no further cost, as many as there are."""
    record = laid.overlay.record
    for number, entry in enumerate(record.committed_nodes):
        loc: Loc = ("committed_nodes", number)
        before = len(laid.problems)
        if entry.site not in shelf.sites:
            hint = did_you_mean(entry.site, shelf.sites) or f"; it has {', '.join(shelf.sites)}"
            laid.problem((*loc, "site"), f"the instance has no site {show(entry.site)}{hint}")
        if shelf.node_type(entry.node_type) is None:
            hint = did_you_mean(entry.node_type, shelf.node_type_names)
            laid.problem((*loc, "node_type"), f"unknown node type {show(entry.node_type)}{hint}")
        if entry.name in [other.name for other in record.committed_nodes[:number]]:
            laid.problem((*loc, "name"), f"duplicate name {show(entry.name)}; give each commitment its own")
        if f"{COMMITTED}{entry.name}" in taken:
            laid.problem((*loc, "name"), f"the instance has an offer {COMMITTED}{entry.name} already; choose another")
        _check_until(loc, entry, instance, laid)
        if len(laid.problems) == before:
            yield Offer(
                name=f"{COMMITTED}{entry.name}",
                site=entry.site,
                node_type=entry.node_type,
                term=entry.term,
                usd_per_hour=0.0,
                stock=entry.nodes,
                source=f"Paid for already until {entry.until}: {entry.source or record.source}",
                as_of=entry.as_of or record.as_of,
            )


def _check_until(loc: Loc, entry: CommittedNodes, instance: Instance, laid: _Laid) -> None:
    """Nodes that leave before the horizon ends would have to be replaced, which an offer cannot say."""
    if instance.planning_date is None:
        message = f"ends on {entry.until}; say in the instance when its horizon starts (planning_date), to compare"
        laid.problem((*loc, "until"), message)
        return
    last = instance.planning_date + datetime.timedelta(hours=float(instance.hours)) - datetime.timedelta(days=1)
    if entry.until < last:
        days = (entry.until - instance.planning_date).days + 1
        remedy = f"shorten the horizon to {days} days, or leave the nodes out" if days > 0 else "leave the nodes out"
        laid.problem((*loc, "until"), f"ends on {entry.until}, before the horizon does ({last}); {remedy}")


def _sunk(instance: Instance, entries: Sequence[CommittedNodes]) -> float | None:
    """What committed nodes cost over the horizon in any case, USD."""
    if not any(entry.usd_per_hour for entry in entries):
        return None
    return float(sum(exact(entry.usd_per_hour or 0.0) * entry.nodes for entry in entries) * instance.hours)
