"""A first instance file from a few answers: commented text that a person goes on with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.writer import scalar_text
from gpufleet.schema.models import TRAINABLE
from gpufleet.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.library.library import Library
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.offers import CatalogOffer

KINDS: Final = ("llm_serving", "request_serving", "training")
SITE_KINDS: Final = ("on_prem", "private_cloud", "public_cloud")
SELLER: Final = "list-price"
"""Provider of the catalogue's purchase prices."""
TERMS: Final = ("on_demand", "reserved_1y", "reserved_3y")
"""Terms that a starter takes from a public cloud; spot needs a decision on interruptions."""
NODE_TYPES: Final = (
    "t4-1x-1u", "l4-8x-2u", "a30-4x-2u", "l40s-4x-2u", "h100-pcie-2x-2u", "dgx-h100", "dgx-h200", "mi300x-8way",
)  # fmt: skip
"""Servers of every class from one small card to eight large ones, for sites of one's own."""
ELECTRICITY_USD_PER_KWH: Final = 0.0861
"""EIA, average industrial price in the US, 2025."""
PUE: Final = 1.54
"""Uptime Institute Global Data Center Survey 2025, industry average."""
MARGIN: Final = 0.2
"""What the operator of a private cloud adds to cost; assumed."""
STOCK: Final = 20
COUNTRIES: Final[Mapping[str, str]] = {
    "us-": "US", "us": "US", "eastus": "US", "westus": "US", "europe-west4": "NL", "westeurope": "NL", "japan": "JP",
    "eu-central-1": "DE", "eu-north": "SE", "eu-west-1": "IE", "eu-west-2": "GB", "eu-west1": "FR",
    "ap-northeast-1": "JP", "ap-south-1": "IN", "asia-northeast1": "JP", "asia-southeast1": "SG",
    "southeastasia": "SG", "swedencentral": "SE",
}  # fmt: skip
"""Country by the beginning of a region's name, as the providers' lists of regions say."""
NEBIUS_NORTH: Final = ("Nebius", "eu-north1", "FI")
"""Elsewhere eu-north is Stockholm."""


@dataclass(frozen=True)
class Starter:
    """What the file is to say. Of the figures, those of another kind are None."""

    kind: str
    model: str
    site_kind: str
    country: str
    provider: str | None = None
    region: str | None = None
    horizon_days: float = 365.0
    budget_usd_per_day: float | None = None
    accuracy: Mapping[str, float] = field(default_factory=dict)
    requests_per_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None
    ttft_ms: float | None = None
    tpot_ms: float | None = None
    latency_ms: float | None = None
    samples: float | None = None
    epochs: float | None = None
    global_batch: int | None = None
    sequence_tokens: int | None = None
    deadline_days: float | None = None
    assumed: frozenset[str] = frozenset()
    """Fields that nobody was asked for, or where the default was taken."""

    @property
    def site(self) -> str:
        """Name of the site."""
        if self.site_kind == "public_cloud":
            return "-".join(part.lower() for part in (self.provider or "cloud", self.region or "") if part)
        return {"on_prem": "own-premises", "private_cloud": "private-cloud"}[self.site_kind]

    @property
    def workload(self) -> str:
        """Name of the workload."""
        return {"llm_serving": "chat", "request_serving": "service", "training": "training"}[self.kind]


@dataclass(frozen=True)
class _AssumedOffer:
    """A price of a private cloud, derived from the list price."""

    name: str
    node_type: str
    usd_per_hour: float
    source: str


def fits_kind(card: ModelCard, kind: str) -> bool:
    """Can the model be the model of such a workload?"""
    if kind == "training":
        return any(variant.method in TRAINABLE for variant in card.variants)
    return (card.architecture.kind == "decoder") == (kind == "llm_serving")


def regions_of(library: Library, provider: str) -> tuple[str, ...]:
    """Regions for which the catalogue has prices of that provider other than spot, those with the most prices first."""
    offers = (offer for offer in library.offers.values() if offer.provider == provider and offer.term in TERMS)
    return tuple(region for region, _ in Counter(offer.region for offer in offers).most_common())


def providers_of(library: Library) -> tuple[str, ...]:
    """Clouds for which the catalogue has prices, those with the most prices first."""
    offers = (offer for offer in library.offers.values() if offer.term in TERMS)
    return tuple(provider for provider, _ in Counter(offer.provider for offer in offers).most_common())


def country_of(provider: str | None, region: str | None) -> str:
    """Where a region lies, as far as its name is known; else the United States, which is only a default."""
    if (provider, region) == NEBIUS_NORTH[:2]:
        return NEBIUS_NORTH[2]
    known = [start for start in COUNTRIES if (region or "").startswith(start)]
    return COUNTRIES[max(known, key=len)] if known else "US"


def metrics_of(card: ModelCard) -> dict[str, dict[str, float]]:
    """Quality figures of the card: metric to variant to value."""
    found: dict[str, dict[str, float]] = {}
    for variant in card.variants:
        for accuracy in variant.accuracy:
            found.setdefault(accuracy.metric, {})[variant.name] = accuracy.value
    return found


def starter_text(starter: Starter, library: Library, file: str) -> str:
    """The commented YAML text of a first instance; `file` is named in its first lines."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gpufleet.library"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["yaml"] = _yaml
    text = environment.get_template("instance.yaml.jinja").render(_context(starter, library, file))
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _context(starter: Starter, library: Library, file: str) -> dict[str, Any]:
    """Everything that the template shows."""
    metrics = metrics_of(library.model(starter.model))
    metric = next(iter(metrics), None)
    own = starter.site_kind != "public_cloud"
    return {
        "a": starter,
        "file": file,
        "uid": f"{starter.model}-{starter.workload}",
        "title": _title(starter),
        "electricity": ELECTRICITY_USD_PER_KWH,
        "pue": PUE,
        "stock": STOCK,
        "margin_percent": f"{MARGIN:.0%}".removesuffix("%"),
        "offers": _offers(library) if starter.site_kind == "private_cloud" else (),
        "seller": SELLER if starter.site_kind == "on_prem" else None,
        "terms": ("purchase",) if own else _terms(library, starter),
        "node_types": [price.node_type for price in _list_prices(library)] if own else (),
        "metric": metric,
        "best": max(metrics[metric].values()) if metric else None,
        "known": _known(metrics),
    }


def _title(starter: Starter) -> str:
    if starter.kind == "llm_serving":
        return f"{starter.model} for {starter.requests_per_s:g} requests/s"
    if starter.kind == "request_serving":
        return f"{starter.model} for {starter.requests_per_s:g} requests/s within {starter.latency_ms:g} ms"
    return f"Training of {starter.model} within {starter.deadline_days:g} days"


def _known(metrics: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Figures of a card, a line for each metric."""
    return [f"{m}: " + ", ".join(f"{v} {x:g}" for v, x in by.items()) for m, by in metrics.items()] or ["nothing"]


def _terms(library: Library, starter: Starter) -> tuple[str, ...]:
    """Those that the region has."""
    there = {
        offer.term
        for offer in library.offers.values()
        if offer.provider == starter.provider and offer.region == starter.region
    }
    return tuple(term for term in TERMS if term in there)


def _list_prices(library: Library) -> list[CatalogOffer]:
    """Purchase prices of the usual servers, as far as the library has them."""
    prices = {offer.node_type: offer for offer in library.offers.values() if offer.provider == SELLER}
    return [prices[name] for name in NODE_TYPES if name in prices and name in library.node_types]


def _offers(library: Library) -> list[_AssumedOffer]:
    return [
        _AssumedOffer(
            name=f"{price.node_type}-1y",
            node_type=price.node_type,
            usd_per_hour=round(_usd_per_hour(price, library.node_types[price.node_type].power_kw or 0.0), 2),
            source=f"Assumed; derived from the catalogue's {price.name}",
        )
        for price in _list_prices(library)
    ]


def _usd_per_hour(price: CatalogOffer, power_kw: float) -> float:
    """What a node costs its operator per hour, USD, with his margin."""
    capex, life = price.capex_usd or 0.0, price.life_years or 1.0
    written_off = capex * (1 - price.residual_fraction) / life + capex * price.maintenance_fraction_per_year
    return (written_off / float(HOURS_PER_YEAR) + power_kw * PUE * ELECTRICITY_USD_PER_KWH) * (1 + MARGIN)


def _yaml(value: Any) -> str:
    """A scalar as our reader wants it; whole numbers without a decimal point."""
    return scalar_text(int(value) if isinstance(value, float) and value.is_integer() else value)
