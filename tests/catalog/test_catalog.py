"""The bundled catalogue: every file fits its record, names join, and the figures are physically plausible."""

from __future__ import annotations

import csv
import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpufleet.schema.hardware import Accelerator, NodeType
from gpufleet.schema.offers import HOURLY_TERMS, CatalogOffer

CATALOG = Path(__file__).parents[2] / "catalog"
TEXT = {"name", "accelerator", "partition_of", "source", "note", "provider", "region", "node_type", "term"}
INTEGER = {"accelerators", "host_vcpus"}
RECALLED_AT_MOST = 12


def _cell(field: str, text: str) -> Any:
    if field in TEXT:
        return text
    if field == "as_of":
        return datetime.date.fromisoformat(text)
    if field == "assumed":
        return {"true": True, "false": False}[text]
    return int(text) if field in INTEGER else float(text)


def _rows(folder: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted((CATALOG / folder).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                assert None not in row, f"{path.name}: too many cells"
                rows.append({field: _cell(field, text) for field, text in row.items() if text})
    return rows


@cache
def _accelerators() -> tuple[Accelerator, ...]:
    files = sorted((CATALOG / "accelerators").glob("*.yaml"))
    records = [(path, raw) for path in files for raw in yaml.safe_load(path.read_text("utf-8"))["accelerators"]]
    assert all(raw["vendor"].lower() == path.stem for path, raw in records)
    return tuple(Accelerator.model_validate(raw) for _, raw in records)


@cache
def _node_types() -> tuple[NodeType, ...]:
    return tuple(NodeType.model_validate(row) for row in _rows("node_types"))


@cache
def _offers() -> tuple[CatalogOffer, ...]:
    return tuple(CatalogOffer.model_validate(row) for row in _rows("offers"))


def _accelerator(name: str) -> Accelerator:
    return next(accelerator for accelerator in _accelerators() if accelerator.name == name)


def test_counts() -> None:
    assert len(_accelerators()) >= 66
    assert len(_node_types()) >= 100
    assert len(_offers()) >= 300
    assert len({offer.provider for offer in _offers()}) >= 8
    assert {"us-east-1", "any", "us-central1", "westeurope"} <= {offer.region for offer in _offers()}


def test_names_are_unique() -> None:
    for records in (_accelerators(), _node_types(), _offers()):
        names = [record.name for record in records]
        assert sorted(set(names)) == sorted(names)


def test_names_join() -> None:
    accelerators = {accelerator.name for accelerator in _accelerators()}
    assert {node.accelerator for node in _node_types()} <= accelerators
    assert {offer.node_type for offer in _offers()} <= {node.name for node in _node_types()}


def test_every_record_says_where_it_comes_from() -> None:
    records = [*_accelerators(), *_node_types(), *_offers()]
    assert all(len(record.source) >= 10 for record in records)
    assert all(offer.as_of and datetime.date(2020, 1, 1) <= offer.as_of for offer in _offers())
    assert sum(accelerator.verification == "recalled" for accelerator in _accelerators()) <= RECALLED_AT_MOST


def test_purchases_say_how_they_are_derived() -> None:
    purchases = [offer for offer in _offers() if offer.term == "purchase"]
    assert len(purchases) >= 20
    for offer in purchases:
        assert offer.note
        assert offer.life_years == 5
        assert 0 <= offer.residual_fraction <= 0.3
        assert "erived" in offer.note or not offer.assumed or "estimate" in offer.note


def test_on_premises_nodes_have_power_and_space() -> None:
    accelerators = {accelerator.name: accelerator for accelerator in _accelerators()}
    bought = {offer.node_type for offer in _offers() if offer.term == "purchase"}
    for node in _node_types():
        if node.name in bought:
            assert node.power_kw is not None
            assert node.rack_units is not None
            devices_kw = node.accelerators * (accelerators[node.accelerator].tdp_w or 0) / 1000
            assert devices_kw < node.power_kw < 6 * devices_kw + 1, node.name


@pytest.mark.parametrize("accelerator", _accelerators(), ids=lambda accelerator: accelerator.name)
def test_figures_are_plausible(accelerator: Accelerator) -> None:
    peak, is_cpu = accelerator.peak, accelerator.kind == "cpu"
    assert 100 <= accelerator.memory_bandwidth_gb_s <= 10_000
    assert (accelerator.memory_gb is None) == is_cpu
    assert accelerator.tdp_w is None or 50 <= accelerator.tdp_w <= 1500
    half = max(peak.fp16_tflops or 0, peak.bf16_tflops or 0)
    if not is_cpu:
        assert half >= (peak.tf32_tflops or 0)
        assert half >= (peak.fp32_tflops or 0)
        assert 15 <= half <= 6000
    cut_int8 = accelerator.name in {"B300-SXM-288GB", "GB300-288GB"}
    assert not peak.int8_tops or peak.int8_tops >= half or cut_int8
    assert not peak.fp8_tflops or peak.fp8_tflops >= half
    assert not peak.fp4_tflops or not peak.fp8_tflops or peak.fp4_tflops >= peak.fp8_tflops


def test_hourly_prices_are_plausible() -> None:
    nodes = {node.name: node for node in _node_types()}
    for offer in _offers():
        if offer.term in HOURLY_TERMS:
            assert offer.usd_per_hour is not None
            assert 0.05 <= offer.usd_per_hour / nodes[offer.node_type].accelerators <= 30, offer.name


def test_commitment_and_spot_cost_less_than_on_demand() -> None:
    prices = {(offer.region, offer.node_type, offer.term): offer.usd_per_hour for offer in _offers()}
    for (region, node, term), price in prices.items():
        on_demand = prices.get((region, node, "on_demand"))
        if term in HOURLY_TERMS - {"on_demand"} and on_demand is not None:
            assert price is not None
            assert price < on_demand, (region, node, term)


@pytest.mark.parametrize(
    ("name", "rate", "published"),
    [
        ("H100-SXM-80GB", "bf16_tflops", 989),
        ("H100-SXM-80GB", "fp8_tflops", 1979),
        ("H100-SXM-80GB", "int4_tops", 0),
        ("H200-SXM-141GB", "bf16_tflops", 989),
        ("B200-SXM-180GB", "bf16_tflops", 2250),
        ("A100-SXM-80GB", "bf16_tflops", 312),
        ("A100-SXM-80GB", "tf32_tflops", 156),
        ("A100-SXM-80GB", "fp32_tflops", 19.5),
        ("V100-SXM2-32GB", "fp16_tflops", 125),
        ("T4", "int8_tops", 130),
        ("T4", "fp16_tflops", 65),
        ("T4", "bf16_tflops", 0),
        ("A30", "bf16_tflops", 165),
        ("L4", "fp8_tflops", 242),
        ("L40S", "bf16_tflops", 362),
        ("MI300X-192GB", "bf16_tflops", 1307),
        ("TPU-v5e", "bf16_tflops", 197),
        ("TPU-v4", "bf16_tflops", 275),
        ("Ascend-910A", "fp16_tflops", 256),
    ],
)
def test_published_rates(name: str, rate: str, published: float) -> None:
    assert getattr(_accelerator(name).peak, rate) == pytest.approx(published, rel=0.003)


@pytest.mark.parametrize(
    ("name", "memory_gb", "bandwidth_gb_s"),
    [
        ("T4", 16, 320),
        ("A100-SXM-80GB", 80, 2039),
        ("H100-SXM-80GB", 80, 3350),
        ("H200-SXM-141GB", 141, 4800),
        ("MI300X-192GB", 192, 5300),
        ("TPU-v5p", 95, 2765),
    ],
)
def test_published_memory(name: str, memory_gb: float, bandwidth_gb_s: float) -> None:
    accelerator = _accelerator(name)
    assert (accelerator.memory_gb, accelerator.memory_bandwidth_gb_s) == (memory_gb, bandwidth_gb_s)
