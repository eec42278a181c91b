"""Plans and measurements: the model's own curve changes nothing, and better measurements never cost more."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from builders import EFFICIENCY, accelerator, edited, node
from gpufleet import solve, verify
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import SLO
from measured import LM, asked, chat, profiles, row

if TYPE_CHECKING:
    from gpufleet import Plan
    from gpufleet.schema.measurements import Measurement


def cost(plan: Plan) -> float:
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    return plan.certificate.objective_usd


def own_curve(tensor: int, rates_per_s: float) -> list[Measurement]:
    """What the model says of the small language model at every batch of the grid, as if it had been measured."""
    work = chat()
    batches = [2**power for power in range(10)]
    options = Configurations.of([(Parallelism(tensor=tensor), batch) for batch in batches])
    found = estimate(work, LM, LM.variants[0], accelerator(), node("n2", 2), options, efficiency=EFFICIENCY)
    return [
        row(float(batch), float(rate), tensor=tensor)
        for batch, rate in zip(batches, found.saturation_rate[:, 0], strict=True)
        if rate > rates_per_s
    ]


@pytest.mark.parametrize("demand", [150.0, 900.0, 4000.0])
def test_the_curve_of_the_model_gives_the_plan_of_the_model(demand: float) -> None:
    work = chat()
    work = edited(work, classes=(edited(work.classes[0], requests_per_s=demand),))
    plain = solve(asked(work))
    question = asked(work, profiles([*own_curve(1, 0.0), *own_curve(2, 0.0)]))
    found = solve(question)
    assert cost(found) == cost(plain)
    assert found.nodes == plain.nodes
    assert [(d.parallelism, d.replicas) for d in found.deployments] == [
        (d.parallelism, d.replicas) for d in plain.deployments
    ]
    assert [d.utilisation for d in found.deployments] == pytest.approx([d.utilisation for d in plain.deployments])
    assert {d.provenance for d in found.deployments} == {"measured"}
    assert verify(question, found).ok


def random_table(random: Random, tensor: int) -> list[Measurement]:
    """Points in ascending order of concurrency; rate and latency may rise or fall."""
    loads = sorted(random.sample(range(1, 40), random.randint(1, 4)))
    return [
        row(float(load), random.randint(4, 40) / 4, tensor=tensor, ttft_p99_ms=float(random.randint(20, 120)))
        for load in loads
    ]


def best_rate(rows: list[Measurement], limit: float, max_utilisation: float) -> float:
    """The highest rate inside the limit, by looking at a thousand loads between neighbours and at their crossings."""
    loads = np.array([r.concurrency for r in rows], dtype=float)
    rates, latency = (np.array([getattr(r, n) for r in rows]) for n in ("requests_per_s", "ttft_p99_ms"))
    fine = set(loads) | set(np.linspace(loads[0], loads[-1], 1001))
    for (a, x), (b, y) in zip(
        list(zip(latency, loads, strict=True)), list(zip(latency[1:], loads[1:], strict=True)), strict=False
    ):
        if (a - limit) * (b - limit) < 0:
            fine.add(x + (limit - a) / (b - a) * (y - x))
    feasible = [np.interp(c, loads, rates) for c in fine if np.interp(c, loads, latency) <= limit * (1 + 1e-12)]
    return float(min(max(feasible, default=0.0), max_utilisation * rates.max()))


@pytest.mark.parametrize("seed", range(12))
def test_enumerated_fleets_of_random_tables(seed: int) -> None:
    """One class on nodes of 1 (1 USD) and 2 (1.9 USD) accelerators: every mix of replicas by hand, the cheapest."""
    random = Random(seed)
    limit, allowed = float(random.randint(40, 110)), random.choice([1.0, 0.8])
    tables = {1: random_table(random, 1), 2: random_table(random, 2)}
    slo = (SLO(metric="ttft", percentile=95.0, limit_ms=limit),)
    question = asked(chat(slo, max_utilisation=allowed), profiles([*tables[1], *tables[2]], "only"))
    plan = solve(question)
    rates = {size: best_rate(rows, limit, allowed) for size, rows in tables.items()}
    best = math.inf
    for ones in range(12):
        for pairs in range(12):
            if ones * rates[1] + pairs * rates[2] >= 10.0 * (1 - 1e-9):
                doubles = min(range(ones // 2 + 1), key=lambda d: Fraction(19, 10) * (pairs + d) + (ones - 2 * d))
                best = min(best, 1.9 * (pairs + doubles) + (ones - 2 * doubles))
    if math.isinf(best):
        assert plan.status == "infeasible" or cost(plan) > 12
    else:
        assert cost(plan) == pytest.approx(best)
        assert verify(question, plan).ok


@pytest.mark.parametrize("seed", range(8))
def test_a_better_measurement_never_costs_more(seed: int) -> None:
    """One more point, beyond the others or above their line; or an old one with more rate or less latency."""
    random = Random(100 + seed)
    slo = (SLO(metric="ttft", percentile=95.0, limit_ms=90.0),)
    rows = [row(4.0, 1.0, ttft_p99_ms=30.0), *random_table(random, 2)]
    extra = random.choice(
        [
            [
                *rows,
                row(
                    float(random.randint(41, 90)), random.randint(1, 80) / 4, ttft_p99_ms=float(random.randint(1, 200))
                ),
            ],
            [*rows, row(64.0, random.randint(1, 80) / 4, ttft_p99_ms=50.0)],
            [*rows[:-1], edited(rows[-1], requests_per_s=(rows[-1].requests_per_s or 0) * 1.5)],
            [*rows[:-1], edited(rows[-1], ttft_p99_ms=(rows[-1].ttft_p99_ms or 0) / 2)],
        ]
    )
    before, after = (solve(asked(chat(slo), profiles(table, "only"))) for table in (rows, extra))
    assert cost(after) <= cost(before)
