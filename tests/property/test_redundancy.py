"""Spare nodes, the loss of a site and budgets per workload against enumeration, and what must hold between answers.

Routed workloads have one option per site, at three sites: after the loss of one, two are left, and shares of a best
split over two options lie on the grid of 1/10,080 (see `random_instances`).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from brute_force import cheapest, micro
from hypothesis import given, settings
from hypothesis import strategies as st
from random_instances import EXACT_DEMANDS, SIZES, random_instance
from seeds import part, sample

from builders import edited, instance, offer, option, profiled, resolved, site
from gpufleet import solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend as back_end
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem
from gpufleet.schema.instance import BudgetCaps, Budgets, Period
from gpufleet.schema.workloads import Redundancy

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Profiled

NEVER = float("inf")
LIMITS = SolverLimits(seconds=60)
CHUNK = 50


def random_question(dice: Random) -> Instance:
    """One or two workloads at one to three sites, with spare nodes, site loss and caps of their own."""
    places = [f"s{number}" for number in range(dice.choice((1, 2, 2, 3, 3)))]
    kinds = dice.sample(sorted(SIZES), 1 if len(places) == 3 else dice.randint(1, 2))
    offers = [_offer(dice, f"o{f}", dice.choice(kinds), place) for f, place in enumerate(places)]
    if len(places) < 3 and dice.random() < 0.5:
        offers.append(_offer(dice, "extra", dice.choice(kinds), dice.choice(places)))
    used = sorted({taken.node_type for taken in offers})
    workloads = [_workload(dice, name, used, len(places)) for name in ("v", "w")[: dice.choice((1, 1, 2))]]
    caps = {
        workload.name: BudgetCaps(horizon_usd=dice.randint(1, 150) / 10)
        for workload in workloads
        if dice.random() < 0.2
    }
    return instance(
        workloads,
        offers,
        sites=tuple(site(name) for name in places),
        budgets=Budgets(workloads=caps),
        horizon_hours=1.0,
    )


def _offer(dice: Random, name: str, node_type: str, place: str) -> Offer:
    price = dice.randint(1, 300) / 100 * (0.6 + 0.4 * SIZES[node_type])
    stock = dice.choice((None, None, 1, 2, 3, 5, 7))
    return offer(name, node_type, round(price, 3), site=place, stock=stock)


def _workload(dice: Random, name: str, kinds: list[str], places: int) -> Profiled:
    is_routed = dice.random() < 0.4
    classes = ["a", "b"] if is_routed else ["all"]
    demands = {c: dice.choice(EXACT_DEMANDS) if is_routed else dice.randint(1, 70) / 10 for c in classes}
    count = 1 if is_routed or places == 3 else dice.randint(1, 2)
    options = [_option(dice, f"k{k}", dice.choice(kinds), classes) for k in range(count)]
    asked = Redundancy(spare_nodes=dice.choice((0, 0, 1, 2)), survive_site_loss=dice.random() < 0.5)
    changes: dict[str, Any] = {"min_replicas": dice.randint(1, 3)} if dice.random() < 0.15 else {}
    return profiled(options, demands, name, redundancy=asked, **changes)


def _option(dice: Random, name: str, node_type: str, classes: list[str]) -> Any:
    node_size = SIZES[node_type]
    sizes = [size for size in (1, 2, 4) if size <= node_size] + [2 * node_size]
    rates = {c: float(dice.randint(1, 6)) for c in classes} if len(classes) > 1 else {"all": dice.randint(15, 90) / 10}
    return option(name, node_type, dice.choice(sizes), rates=rates)


@cache
def question(seed: int) -> ResolvedInstance:
    return resolved(random_question(Random(seed)))


@cache
def enumerated(seed: int) -> int | None:
    return cheapest(question(seed))


def cost(asked: Instance) -> float:
    """Cheapest cost in micro-USD, infinite when there is none; without breaking ties, for speed."""
    whole = resolved(asked)
    problem = build_problem(whole, build_candidates(whole))
    if not all(workload.options for workload in problem.workloads):
        return NEVER
    result = back_end("cpsat").solve(build_model(problem)[0], LIMITS)
    assert result.outcome in ("optimal", "infeasible")
    return NEVER if result.objective is None else result.objective


@pytest.mark.parametrize("chunk", range(12))
def test_the_model_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * CHUNK, (chunk + 1) * CHUNK)):
        right = enumerated(seed)
        assert cost(question(seed).instance) == (NEVER if right is None else right), f"seed {seed}"


@pytest.mark.parametrize("chunk", range(4))
def test_the_whole_chain_ends_in_a_verified_plan_of_that_cost(chunk: int) -> None:
    for seed in sample(range(chunk * CHUNK, (chunk + 1) * CHUNK)):
        _compare(seed, "auto")


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(600, 660)):
        _compare(seed, backend)


def _compare(seed: int, backend: BackendChoice) -> None:
    asked, right = question(seed), enumerated(seed)
    plan = solve(asked, backend=backend)
    assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
    assert plan.certificate is not None
    if right is not None:
        report = verify(asked, plan)
        assert report.ok, f"seed {seed}: {report.violations}"
        assert micro(Fraction(repr(plan.certificate.objective_usd))) == right, f"seed {seed}"
    else:
        assert plan.reason, f"seed {seed}"


def test_the_random_instances_are_not_all_alike() -> None:
    """Enough answers, and enough of them that each rule makes dearer or impossible."""
    seen: Counter[str] = Counter()
    for seed in sample(range(300)):
        plain = question(seed).instance
        whole = cost(plain)
        seen["feasible" if whole < NEVER else "infeasible"] += 1
        seen["spare nodes matter"] += cost(without(plain, spare_nodes=0)) < whole
        seen["site loss matters"] += cost(without(plain, survive_site_loss=False)) < whole
        seen["caps matter"] += cost(edited(plain, budgets=Budgets())) < whole
        survivors = [w for w in plain.workloads if w.redundancy.survive_site_loss]
        seen["routed, and a site may be lost"] += whole < NEVER and any(len(w.classes) > 1 for w in survivors)  # type: ignore[union-attr]
    least = {
        "feasible": 120,
        "infeasible": 50,
        "spare nodes matter": 50,
        "site loss matters": 50,
        "caps matter": 20,
        "routed, and a site may be lost": 20,
    }
    assert {name: seen[name] for name, count in least.items() if seen[name] < part(count)} == {}


def without(asked: Instance, **fields: Any) -> Instance:
    """All workloads without (a part of) their redundancy."""
    parts = fields or {"spare_nodes": 0, "survive_site_loss": False}
    workloads = tuple(edited(w, redundancy=edited(w.redundancy, **parts)) for w in asked.workloads)
    return edited(asked, workloads=workloads)


seeds = st.integers(0, 10**9)


@settings(max_examples=part(100))
@given(seeds, st.integers(1, 2))
def test_more_spare_nodes_never_cost_less(seed: int, more: int) -> None:
    for asked in (random_question(Random(seed)), random_instance(Random(seed))):
        raised = tuple(
            edited(w, redundancy=edited(w.redundancy, spare_nodes=w.redundancy.spare_nodes + more))
            for w in asked.workloads
        )
        assert cost(edited(asked, workloads=raised)) >= cost(asked)


@settings(max_examples=part(100))
@given(seeds)
def test_what_is_taken_away_never_costs_more(seed: int) -> None:
    asked = random_question(Random(seed))
    whole = cost(asked)
    assert cost(without(asked, spare_nodes=0)) <= whole
    assert cost(without(asked, survive_site_loss=False)) <= whole
    assert cost(edited(asked, budgets=Budgets())) <= whole


@settings(max_examples=part(60))
@given(seeds)
def test_a_dominated_option_changes_no_cost(seed: int) -> None:
    """The same size at half the rates, or twice the size at the same rates: pruned, under every one of these rules."""
    asked = random_question(Random(seed))
    changed = []
    for workload in asked.workloads:
        first = workload.options[0]  # type: ignore[union-attr]
        slow = edited(first, name="slow", rates={name: rate / 2 for name, rate in first.rates.items()})
        large = edited(first, name="large", accelerators=2 * first.accelerators)
        changed.append(edited(workload, options=(*workload.options, slow, large)))  # type: ignore[union-attr]
    assert cost(edited(asked, workloads=tuple(changed))) == cost(asked)


def test_equal_periods_cost_what_one_period_costs() -> None:
    """Two halves of the hour: the same fleet in both, each of them redundant by itself, and a verified plan."""
    halves = tuple(Period(name=name, hours=0.5) for name in ("first", "second"))
    for seed in sample(range(60)):
        asked = edited(question(seed).instance, budgets=Budgets())
        cut = resolved(edited(asked, periods=halves))
        plan, whole = solve(cut), cost(asked)
        assert plan.certificate is not None
        found = plan.certificate.objective_usd
        assert (NEVER if found is None else micro(Fraction(repr(found)))) == whole, f"seed {seed}"
        assert verify(cut, plan).ok, f"seed {seed}"


def test_any_nodes_of_a_pool_may_fail() -> None:
    """Failing every choice of nodes and placing the protected replicas one by one finds what counting promises."""
    found = 0
    for seed in sample(range(200)):
        asked = question(seed)
        plan = solve(asked)
        for (place, kind), count in _pools(asked, plan).items():
            for spare in {w.redundancy.spare_nodes for w in asked.instance.workloads} - {0}:
                sizes = [
                    entry.parallelism.accelerators
                    for entry in plan.deployments
                    if (entry.site, entry.node_type) == (place, kind)
                    and asked.workloads[entry.workload].redundancy.spare_nodes >= spare
                    for _ in range(entry.replicas)
                ]
                for failed in combinations(range(count), min(spare, count)) if sizes else ():
                    free = [0 if i in failed else SIZES[kind] for i in range(count)]
                    assert _placed(sorted(sizes, reverse=True), free, SIZES[kind]), f"seed {seed}"
                    found += 1
    assert found > part(200)


def _pools(asked: ResolvedInstance, plan: Any) -> Counter[tuple[str, str]]:
    pools: Counter[tuple[str, str]] = Counter()
    for nodes in plan.nodes:
        taken = asked.offers[nodes.offer]
        pools[taken.site, taken.node_type] += nodes.count
    return pools


def _placed(sizes: list[int], free: list[int], node: int) -> bool:
    """First fit; a replica larger than a node takes whole free ones."""
    for size in sizes:
        whole = [i for i, room in enumerate(free) if room == node]
        if size > node:
            taken = whole[: size // node]
            if len(taken) < size // node:
                return False
            for i in taken:
                free[i] = 0
            continue
        fits = [i for i, room in enumerate(free) if room >= size]
        if not fits:
            return False
        free[fits[0]] -= size
    return True
