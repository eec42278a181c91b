"""The catalogue as tables, and one record in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from rich.syntax import Syntax

from gpufleet.report.format import figure
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel
    from rich.console import RenderableType
    from rich.table import Table

    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.offers import CatalogOffer


def record_text(kind: str, record: BaseModel) -> RenderableType:
    """Everything known about one record, as YAML."""
    fields = record.model_dump(mode="json", exclude_none=True)
    written = yaml.safe_dump({kind: fields}, sort_keys=False, allow_unicode=True, width=78)
    return Syntax(written, "yaml", word_wrap=True, background_color="default")


def accelerators_table(records: Iterable[Accelerator]) -> Table:
    """Memory, bandwidth, dense peaks (TFLOP/s or TOP/s) and power."""
    numeric = ("GB", "GB/s", "fp16", "fp8", "int8", "W")
    grid = table("accelerator", "kind", *numeric, "figures are", numeric=numeric)
    for unit in records:
        peak = unit.peak
        figures = (
            unit.memory_gb,
            unit.memory_bandwidth_gb_s,
            peak.bf16_tflops or peak.fp16_tflops,
            peak.fp8_tflops,
            peak.int8_tops,
            unit.tdp_w,
        )
        grid.add_row(unit.name, unit.kind, *(_cell(value) for value in figures), unit.verification)
    return grid


def node_types_table(records: Iterable[NodeType]) -> Table:
    """Accelerators, network, power and rack units."""
    numeric = ("network GB/s", "kW", "U")
    grid = table("node type", "accelerators", *numeric, numeric=numeric)
    for node in records:
        cells = (_cell(value) for value in (node.network_gb_s, node.power_kw, node.rack_units))
        grid.add_row(node.name, f"{node.accelerators}x {node.accelerator}", *cells)
    return grid


def offers_table(records: Iterable[CatalogOffer]) -> Table:
    """Price, date, and whether it is assumed."""
    grid = table(
        "provider/region/node type/term", "USD/h", "capex USD", "as of", numeric=("USD/h", "capex USD", "as of")
    )
    for offer in records:
        dated = f"{offer.as_of or ''}{' *' if offer.assumed else ''}"
        grid.add_row(offer.name, _cell(offer.usd_per_hour), _cell(offer.capex_usd), dated)
    grid.caption = "* assumed, not quoted"
    return grid


def models_table(records: Iterable[ModelCard]) -> Table:
    """Size and variants."""
    grid = table("model", "parameters", "variants", numeric=("parameters",))
    for card in records:
        grid.add_row(card.name, _billions(card), ", ".join(variant.name for variant in card.variants))
    return grid


def _billions(card: ModelCard) -> str:
    total = f"{card.parameters / 1e9:.3g} B"
    return total if card.active_parameters is None else f"{total} ({card.active_parameters / 1e9:.3g} active)"


def _cell(value: float | None) -> str:
    return "" if value is None else figure(value)
