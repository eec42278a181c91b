"""Disaggregated plans, and plans that count on a prefix cache, broken one thing at a time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from verified_cases import Case

from builders import edited
from gpufleet import load_instance, solve, verify
from gpufleet.schema.plan import Parallelism

if TYPE_CHECKING:
    from collections.abc import Callable

ESTATE = Path(__file__).resolve().parents[2] / "instances" / "estate"


@cache
def case(name: str) -> Case:
    asked = load_instance(ESTATE / f"{name}.yaml")
    return Case(asked, solve(asked))


def split(c: Case) -> Parallelism:
    return c.plan.deployments[0].parallelism


def in_place_of_decoding(c: Case, **changes: object) -> Case:
    """Another split, with none of the figures that the plan repeats."""
    bare = {"latency": (), "memory_gb": None, "utilisation": None, "bottleneck": None}
    changed = c.with_deployment(0, **bare)
    return changed.with_parallelism(0, **changes)


def tightened(c: Case, metric: str, limit_ms: float) -> Case:
    workload = c.asked.instance.workloads[0]
    slo = tuple(edited(b, limit_ms=limit_ms) if b.metric == metric else b for b in workload.slo)  # type: ignore[union-attr]
    return c.with_workload(0, slo=slo)


def without_network(c: Case) -> Case:
    return c.with_hardware("node_types", c.plan.deployments[0].node_type, network_gb_s=None)


MUTATIONS: dict[str, tuple[Callable[[Case], Case], str]] = {
    "not asked for": (lambda c: c.with_workload(0, disaggregated=False), "disaggregated"),
    "a decode instance more": (lambda c: c.with_parallelism(0, data=split(c).data + 1), "replica_size"),
    "wrong accelerators": (lambda c: c.with_deployment(0, accelerators=split(c).data * split(c).tensor), "parallelism"),
    "prefill turned into decode": (
        lambda c: in_place_of_decoding(
            c, prefill_instances=split(c).prefill_instances - 2 // split(c).prefill_tensor, tensor=2, data=2
        ),
        "capacity",
    ),
    "prefill over two nodes": (
        lambda c: in_place_of_decoding(c, prefill_instances=1, prefill_tensor=16),
        "parallelism",
    ),
    "instances that straddle nodes": (
        lambda c: in_place_of_decoding(c, prefill_instances=1, prefill_tensor=6, data=1, tensor=2),
        "parallelism",
    ),
    "stages": (lambda c: in_place_of_decoding(c, pipeline=2), "parallelism"),
    "experts of a dense model": (lambda c: in_place_of_decoding(c, expert=2), "parallelism"),
    "a whole node each without network": (
        lambda c: without_network(
            in_place_of_decoding(c, prefill_instances=1, prefill_tensor=8, data=1, tensor=8, expert=1)
        ),
        "parallelism",
    ),
    "too few requests at a time": (
        lambda c: in_place_of_decoding(c.with_deployment(0, batch=3), prefill_instances=4, data=4, tensor=1),
        "parallelism",
    ),
    "instances without room": (
        lambda c: c.with_hardware(
            "accelerators", c.asked.accelerator_of(c.plan.deployments[0].node_type).name, memory_gb=60.0
        ),
        "memory",
    ),
    "first token sooner": (lambda c: tightened(c, "ttft", 100.0), "latency"),
    "smaller gaps": (lambda c: tightened(c, "itl", 5.0), "latency"),
    "another first token in the plan": (
        lambda c: c.with_deployment(
            0, latency=(edited(c.plan.deployments[0].latency[0], predicted_ms=1.0), *c.plan.deployments[0].latency[1:])
        ),
        "figures",
    ),
    "together after all": (
        lambda c: in_place_of_decoding(c, prefill_instances=0, prefill_tensor=1, data=1, tensor=8),
        "capacity",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_split_is_found(name: str) -> None:
    whole = case("disaggregated-assistant")
    assert verify(whole.asked, whole.plan).ok
    assert split(whole).prefill_instances
    change, rule = MUTATIONS[name]
    broken = change(whole)
    assert rule in verify(broken.asked, broken.plan).broken_rules


def test_fewer_hits_than_planned() -> None:
    whole = case("prefix-cache")
    assert verify(whole.asked, whole.plan).ok
    for changes, rule in (
        ({"prefix_cache_hit_fraction": 0.4}, "capacity"),
        ({"prefix_cache_tokens": 700_000}, "memory"),
        ({"prefix_cache_tokens": 6_000}, "figures"),
    ):
        broken = whole.with_workload(0, **changes)
        assert rule in verify(broken.asked, broken.plan).broken_rules, changes


def test_room_is_checked_by_arithmetic_of_its_own() -> None:
    """All weights of the card, and 6,000 tokens of 2 x 8 x 128 x 80 bytes, on one accelerator of 60 GB; the decode
    instance has two, so that there is room."""
    whole = case("disaggregated-assistant")
    unit = whole.asked.accelerator_of(whole.plan.deployments[0].node_type).name
    small = whole.with_hardware("accelerators", unit, memory_gb=60.0)
    own = [v for v in verify(small.asked, small.plan).violations if "a prefill instance" in v.message]
    assert {v.rule for v in own} == {"memory"}
    card = whole.asked.models["llama-3.3-70b"]
    bits = next(v.bits_per_weight for v in card.variants if v.name == "fp8")
    assert own[0].excess == pytest.approx(card.parameters * bits / 8e9 + 6000 * 2 * 8 * 128 * 80 / 1e9 - 60)


def test_prefill_tensor_needs_instances() -> None:
    with pytest.raises(ValueError, match="there are no prefill_instances"):
        Parallelism(prefill_tensor=2)
