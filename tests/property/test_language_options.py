"""Small language services: more hits, and more forms of replicas, never cost more; what is stated is what is proven."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from builders import accelerator, edited, instance, node, offer, resolved
from gpufleet import solve, verify
from gpufleet.schema.models import Attention, Decoder, ModelCard, Variant
from gpufleet.schema.workloads import SLO, LLMServing, TokenClass

if TYPE_CHECKING:
    from gpufleet import Plan
    from gpufleet.schema.instance import Instance

TINY = ModelCard(
    name="tiny",
    title="A small language model",
    source="test",
    parameters=1e9,
    architecture=Decoder(
        kind="decoder",
        layers=16,
        hidden_size=2048,
        vocabulary=32000,
        attention=Attention(heads=16, kv_heads=8, head_dim=128),
        max_context_tokens=32768,
    ),
    variants=(Variant(name="bf16", precision="bf16"),),
)


def question(dice: Random) -> Instance:
    """One or two classes with tight or loose bounds on single nodes of two sizes."""
    classes = tuple(
        TokenClass(
            name=f"c{c}",
            input_tokens=dice.choice((200, 1500, 8000)),
            output_tokens=dice.choice((20, 150)),
            requests_per_s=dice.choice((2.0, 5.0, 12.0)),
            prefix_cache_hit_fraction=dice.choice((None, 0.1)),
        )
        for c in range(dice.randint(1, 2))
    )
    bounds = (
        SLO(metric="itl", percentile=99.0, limit_ms=dice.choice((25.0, 60.0))),
        SLO(metric="ttft", percentile=95.0, limit_ms=dice.choice((1000.0, 5000.0))),
    )
    work = LLMServing(
        name="w",
        kind="llm_serving",
        model="tiny",
        classes=classes,
        slo=bounds[: dice.randint(0, 2)],
        prefix_cache_hit_fraction=dice.choice((0.0, 0.3)),
        disaggregated=dice.random() < 0.3,
        max_batch=dice.choice((16, 64)),
    )
    shapes = (node("n2", 2, network_gb_s=None), node("n4", 4, network_gb_s=None))
    offers = [offer("two", "n2", 2.0), offer("four", "n4", dice.choice((3.0, 4.0)))]
    return instance(
        [work],  # type: ignore[list-item]
        offers,
        accelerators=(accelerator(memory_gb=24.0),),
        node_types=shapes,
        models=(TINY,),
    )


def with_work(asked: Instance, **changes: object) -> Instance:
    return edited(asked, workloads=(edited(asked.workloads[0], **changes),))


def cost(asked: Instance) -> tuple[float, Plan]:
    plan = solve(resolved(asked))
    assert plan.certificate is not None
    if plan.certificate.objective_usd is None:
        return float("inf"), plan
    assert plan.status == "optimal"
    assert verify(resolved(asked), plan).ok
    return plan.certificate.objective_usd, plan


@pytest.mark.parametrize("seed", range(8))
def test_more_hits_and_more_freedom_never_cost_more(seed: int) -> None:
    asked = with_work(question(Random(seed)), disaggregated=False)
    base, _ = cost(asked)
    apart, plan = cost(with_work(asked, disaggregated=True))
    assert apart <= base
    work = asked.workloads[0]
    assert isinstance(work, LLMServing)
    every = tuple(edited(group, prefix_cache_hit_fraction=0.9) for group in work.classes)
    for allowed, dear in ((False, base), (True, apart)):
        assert cost(with_work(asked, disaggregated=allowed, classes=every))[0] <= dear
    if apart < base:
        assert any(deployment.parallelism.prefill_instances for deployment in plan.deployments)


def test_the_seeds_reach_both_kinds() -> None:
    """Otherwise the property above would be about one kind alone."""
    split = [
        any(
            d.parallelism.prefill_instances
            for d in cost(with_work(question(Random(seed)), disaggregated=True))[1].deployments
        )
        for seed in range(8)
    ]
    assert 1 <= sum(split) < len(split)
