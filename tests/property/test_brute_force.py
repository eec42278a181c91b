"""Tiny instances: the engine's answer is the one that enumeration finds, in cost and in feasibility.

The packing of replicas onto nodes is counted in accelerators on both sides; the verifier, which places every replica,
then shows that the plan really packs, so the counted optimum is the true one.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from random import Random
from typing import TYPE_CHECKING

import pytest
from brute_force import cheapest, micro
from random_instances import random_instance
from seeds import part, sample

from builders import resolved
from gpufleet import solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend as back_end
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import BackendResult
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

CHUNK = 100
CHUNKS = range(20)
LIMITS = SolverLimits(seconds=60)
SHARE_UNITS = 10_080


@cache
def question(seed: int, routed_options: int = 2) -> ResolvedInstance:
    return resolved(random_instance(Random(seed), routed_options))


@cache
def enumerated(seed: int) -> int | None:
    return cheapest(question(seed))


def by_model(asked: ResolvedInstance, backend: str) -> BackendResult | None:
    """Solve the integer program alone; None when a workload has no option."""
    problem = build_problem(asked, build_candidates(asked))
    if not all(workload.options for workload in problem.workloads):
        return None
    return back_end(backend).solve(build_model(problem)[0], LIMITS)


def objective(plan: Plan) -> int | None:
    assert plan.certificate is not None
    cost = plan.certificate.objective_usd
    return None if cost is None else micro(Fraction(repr(cost)))


@pytest.mark.parametrize("chunk", CHUNKS)
def test_cpsat_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * CHUNK, (chunk + 1) * CHUNK)):
        result, right = by_model(question(seed), "cpsat"), enumerated(seed)
        if result is None or right is None:
            assert right is None, f"seed {seed}: enumeration finds {right}, but no option is left"
            assert result is None or result.outcome == "infeasible", f"seed {seed}: {result}"
        else:
            assert (result.outcome, result.objective, result.bound) == ("optimal", right, right), f"seed {seed}"


@pytest.mark.parametrize("chunk", range(3))
def test_second_opinions_agree(chunk: int, backend: str) -> None:
    for seed in sample(range(chunk * CHUNK, (chunk + 1) * CHUNK)):
        result, right = by_model(question(seed), backend), enumerated(seed)
        assert (result and result.objective) == right, f"seed {seed}"
        assert result is None or result.outcome == ("infeasible" if right is None else "optimal"), f"seed {seed}"


@pytest.mark.parametrize("chunk", range(5))
def test_whole_chain_ends_in_a_verified_plan_of_that_cost(chunk: int) -> None:
    for seed in sample(range(2000 - (chunk + 1) * CHUNK, 2000 - chunk * CHUNK)):
        asked, right = question(seed), enumerated(seed)
        plan = solve(asked)
        assert objective(plan) == right, f"seed {seed}"
        assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
        report = verify(asked, plan)
        assert report.ok, f"seed {seed}: {report.violations}"
        assert micro(Fraction(repr(report.cost_usd))) == (right or 0), f"seed {seed}"


def test_three_way_routing_is_optimal_up_to_the_share_grid() -> None:
    """Best splits over three options need not lie on the grid of 1/10,080; rounding up costs a unit per class at most.

    So the answer lies between the optimum with continuous shares, and that with a unit per class kept free.
    """
    exact = 0
    for seed in sample(range(10_000, 10_100)):
        asked = question(seed, 3)
        result = by_model(asked, "cpsat")
        found = None if result is None else result.objective
        low, high = cheapest(asked), cheapest(asked, Fraction(1, SHARE_UNITS))
        if low is None:
            assert found is None, f"seed {seed}"
        else:
            assert found is not None or high is None, f"seed {seed}"
            assert found is None or low <= found, f"seed {seed}"
            assert high is None or found is None or found <= high, f"seed {seed}"
            exact += found == low
    assert exact >= part(40)


def test_the_random_instances_are_not_all_alike() -> None:
    """The sample holds enough of everything: answers, shapes, and limits that change the answer."""
    seen: Counter[str] = Counter()
    for seed in sample(range(2000)):
        asked, right = question(seed), enumerated(seed)
        seen["feasible" if right is not None else "infeasible"] += 1
        if right is not None:
            seen.update(_features(asked))
    least = {
        "feasible": 1000,
        "infeasible": 400,
        "routed": 250,
        "two workloads": 200,
        "several offers on a pool": 150,
        "budget": 80,
        "stock": 400,
        "power": 60,
        "rack": 60,
        "quota": 50,
        "min_replicas": 100,
        "max_replicas": 100,
        "purchase": 100,
        "owned": 50,
        "multi-node replica": 100,
    }
    assert {name: seen[name] for name, count in least.items() if seen[name] < part(count)} == {}


def _features(asked: ResolvedInstance) -> set[str]:
    question, offers = asked.instance, list(asked.offers.values())
    sizes = {name: node.accelerators for name, node in asked.node_types.items()}
    workloads = question.workloads
    found = {
        "routed": any(sum(group.requests_per_s > 0 for group in w.classes) > 1 for w in workloads),
        "two workloads": len(workloads) > 1,
        "several offers on a pool": len({(o.site, o.node_type) for o in offers}) < len(offers),
        "budget": bool(question.budgets.model_fields_set),
        "stock": any(offer.stock is not None for offer in offers),
        "power": any(site.power_cap_kw is not None for site in question.sites),
        "rack": any(site.rack_units is not None for site in question.sites),
        "quota": bool(question.rules.quotas),
        "min_replicas": any(w.min_replicas for w in workloads),
        "max_replicas": any(w.max_replicas for w in workloads),
        "purchase": any(offer.term == "purchase" for offer in offers),
        "owned": any(offer.term == "owned" for offer in offers),
        "multi-node replica": any(
            option.node_type in sizes and option.accelerators > sizes[option.node_type]
            for w in workloads
            for option in w.options
        ),
    }
    return {name for name, holds in found.items() if holds}
