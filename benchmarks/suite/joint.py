"""Joint choice of model, GPU tier, parallelism and routing: query types x models x tiers, as in arXiv 2604.07472.

Each query type may be served by any model that is good enough for it, on any tier whose memory the model fits into; one
set of replicas serves several query types. The figures are made up in proportion to published ones: memory and
arithmetic grow with the parameters of a model, prices of tiers with their speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from suite import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.files import Fields

METRIC = "quality"
NODE = 8
"""Accelerators per node, on every tier."""


@dataclass(frozen=True)
class Model:
    """A model of so many billion parameters in 16 bits, and how good its answers are (0 to 1)."""

    name: str
    billions: float
    quality: float


@dataclass(frozen=True)
class Tier:
    """Nodes of one accelerator: memory in GB, speed in TFLOP/s that arrive, cents per hour and node."""

    name: str
    memory_gb: int
    speed: float
    cost: int


@dataclass(frozen=True)
class Query:
    """A query type: requests/s, tokens per request, and the quality that it needs."""

    name: str
    rate: float
    tokens: int
    quality: float


def generated(name: str, queries: int, models: int, tiers: int, seed: int = 1) -> Fields:
    """A random instance; `seed` fixes every figure."""
    dice = Random(f"{seed}/joint/{queries}/{models}/{tiers}")
    origin = f"Generated at random with seed {seed}: {queries} query types, {models} models, {tiers} tiers"
    cards = [_model(dice, number, models) for number in range(models)]
    hardware = [_tier(dice, number) for number in range(tiers)]
    asked = [_query(dice, number) for number in range(queries)]
    return files.instance(
        name,
        f"{queries} query types over {models} models on {tiers} GPU tiers, costs in USD an hour",
        origin,
        [files.node_type(tier.name, NODE, origin) for tier in hardware],
        [files.on_demand(tier.name, tier.cost, origin) for tier in hardware],
        [_workload(dice, asked, cards, hardware)],
    )


def _model(dice: Random, number: int, models: int) -> Model:
    """From 1 to 400 billion parameters, the larger the better, more or less."""
    place = number / max(models - 1, 1)
    billions = round(10 ** (2.6 * place) * dice.uniform(0.8, 1.25), 1)
    return Model(f"m{number}", billions, round(min(0.99, 0.5 + 0.45 * place + dice.uniform(-0.04, 0.04)), 3))


def _tier(dice: Random, number: int) -> Tier:
    memory = dice.choice((24, 40, 48, 80, 96, 141, 192))
    speed = round(memory * dice.uniform(1.0, 4.0), 1)
    return Tier(f"t{number}", memory, speed, round(NODE * speed * dice.uniform(1.0, 2.2)))


def _query(dice: Random, number: int) -> Query:
    tokens = round(10 ** dice.uniform(2.3, 3.9))
    return Query(f"q{number}", round(dice.uniform(5, 120), 2), tokens, round(dice.uniform(0.45, 0.9), 3))


def _workload(dice: Random, queries: list[Query], models: list[Model], tiers: list[Tier]) -> Fields:
    return {
        "kind": "profiled",
        "name": "queries",
        "classes": [
            {
                "name": query.name,
                "requests_per_s": query.rate,
                "accuracy": [{"metric": METRIC, "at_least": query.quality}],
            }
            for query in queries
        ],
        "options": list(_options(dice, queries, models, tiers)),
    }


def _options(dice: Random, queries: list[Query], models: list[Model], tiers: list[Tier]) -> Iterator[Fields]:
    """The smallest parallelism into which a model fits, and twice as many accelerators where the node has them."""
    for model in models:
        for tier in tiers:
            needed = 2 * model.billions * 1.25
            sizes = [size for size in (1, 2, 4, 8) if size * tier.memory_gb * 0.9 >= needed]
            for size in sizes[:2]:
                speed = tier.speed * 1e12 * 0.35 * size**0.9 * dice.uniform(0.8, 1.2)
                yield {
                    "name": f"{model.name}-{tier.name}-tp{size}",
                    "node_type": tier.name,
                    "accelerators": size,
                    "rates": {q.name: _significant(speed / (2e9 * model.billions * q.tokens)) for q in queries},
                    "accuracy": [{"metric": METRIC, "at_least": model.quality}],
                }


def _significant(rate: float) -> float:
    """Four digits, as measurements are written down."""
    return float(f"{rate:.4g}")
