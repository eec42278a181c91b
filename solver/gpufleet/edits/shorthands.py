"""Shorthands: prices, demand and stock of a resolved instance, the catalogue's offers included.

`prices`, `demand` and `stock` are about everything; `prices.a100-*` is about the offers whose name, node type,
accelerator, site or term matches, `demand.chat` about one workload.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from gpufleet.edits.changes import redigest, with_rates
from gpufleet.errors import InputError, InputProblem
from gpufleet.library.wording import did_you_mean, show
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.library.document_edits import Edit
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance

PRICES: Final = ("usd_per_hour", "capex_usd")
"""What a node costs that is not there yet; maintenance and residual value follow the purchase price."""
MOST: Final = 1e9
"""Largest factor."""


def with_shorthand(resolved: ResolvedInstance, edit: Edit) -> ResolvedInstance:
    """The instance with one shorthand applied; the digest follows.

    Raises InputError for a name that nothing has, or a value that makes no sense.
    """
    pattern = edit.path[len(edit.head) :].lstrip(".").removeprefix("[").removesuffix("]")
    if edit.action == "set" and edit.head != "stock":
        raise _problem(resolved, edit, f"{edit.head} cannot be set, only scaled: --scale {edit.path}=1.1")
    lowest = 0 if edit.head == "stock" else math.ulp(0.0)
    value = edit.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= MOST:
        least = "at least 0" if edit.head == "stock" else "above 0"
        raise _problem(resolved, edit, f"needs a number {least} and at most {MOST:g}, got {show(value)}")
    if edit.head == "demand":
        return with_rates(resolved, _workloads(resolved, edit, pattern), value)
    return _with_offers(resolved, edit, pattern, _priced if edit.head == "prices" else _stocked)


def _problem(resolved: ResolvedInstance, edit: Edit, message: str) -> InputError:
    return InputError([InputProblem(resolved.path, 0, edit.label, message)])


def _workloads(resolved: ResolvedInstance, edit: Edit, pattern: str) -> list[str]:
    """Workloads by name; services by theirs."""
    names = list(resolved.workloads)
    found = [name for name in names if not pattern or fnmatchcase(name, pattern)]
    if not found:
        raise _problem(resolved, edit, f"no workload is called {show(pattern)}{_hint(pattern, names)}")
    return found


def _hint(pattern: str, names: list[str]) -> str:
    return did_you_mean(pattern, names) or f"; there are {', '.join(names)}"


def _with_offers(
    resolved: ResolvedInstance, edit: Edit, pattern: str, change: Callable[[Offer, Edit], dict[str, Any]]
) -> ResolvedInstance:
    """The instance with some offers changed; nodes that are owned already are left out."""
    matching = {
        name: offer for name, offer in resolved.offers.items() if not pattern or _matches(resolved, offer, pattern)
    }
    if not matching:
        words = sorted({word for offer in resolved.offers.values() for word in _words(resolved, offer)})
        hint = did_you_mean(pattern, words) or "; patterns are for offers, node types, accelerators, sites and terms"
        raise _problem(resolved, edit, f"no offer matches {show(pattern)}{hint}")
    changes = {name: change(offer, edit) for name, offer in matching.items() if offer.term != "owned"}
    if not any(changes.values()):
        raise _problem(resolved, edit, f"none of the {len(matching)} offers that match has {edit.head} to change")
    offers = {name: offer.model_copy(update=changes.get(name, {})) for name, offer in resolved.offers.items()}
    return redigest(replace(resolved, offers=offers))


def _words(resolved: ResolvedInstance, offer: Offer) -> tuple[str, ...]:
    return (offer.name, offer.node_type, resolved.accelerator_of(offer.node_type).name, offer.site, offer.term)


def _matches(resolved: ResolvedInstance, offer: Offer, pattern: str) -> bool:
    return any(fnmatchcase(word.lower(), pattern.lower()) for word in _words(resolved, offer))


def _priced(offer: Offer, edit: Edit) -> dict[str, Any]:
    known = {field: getattr(offer, field) for field in PRICES}
    factor = exact(edit.value)
    return {field: float(exact(price) * factor) for field, price in known.items() if price is not None}


def _stocked(offer: Offer, edit: Edit) -> dict[str, Any]:
    """Whole nodes, rounded down; an offer without a limit has nothing to scale."""
    if edit.action == "set":
        return {"stock": math.floor(edit.value)}
    return {} if offer.stock is None else {"stock": math.floor(offer.stock * exact(edit.value))}
