"""Shared services: what sharing is worth is found by enumeration, and it never costs anything.

Demands and rates are whole numbers and few (see `random_instances`), so that the grid of routing shares loses nothing.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from brute_force import cheapest
from seeds import part, sample

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.workloads import AccuracyFloor

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.workloads import Profiled

DEMANDS = (1.0, 2.0, 3.0, 4.0, 6.0)
SIZES = {"n1": 1, "n2": 2}
FORMS = (("k0", 1, 0.7), ("k1", 1, 0.9), ("k2", 2, 0.8))
"""Options: name, accelerators, measured quality."""


def floors(*least: float | None) -> tuple[AccuracyFloor, ...]:
    return tuple(AccuracyFloor(metric="q", at_least=value) for value in least if value is not None)


def question(dice: Random) -> tuple[list[Profiled], list[Offer]]:
    """Two or three workloads with one set of options, on one or two kinds of node; floors for some."""
    kinds = dice.sample(sorted(SIZES), dice.randint(1, 2))
    offers = [
        offer(f"o-{kind}", kind, dice.randint(1, 200) / 100 * SIZES[kind], stock=dice.choice((None, 2, 4)))
        for kind in kinds
    ]
    forms = [(name, dice.choice(kinds), size, quality) for name, size, quality in dice.sample(FORMS, 2)]
    workloads = []
    for name in ("u", "v", "w")[: dice.choice((2, 2, 3))]:
        rates = {key: float(dice.randint(1, 6)) for key, *_ in forms}
        options = [
            option(key, kind, size, rates={"all": rates[key]}, accuracy=floors(quality))
            for key, kind, size, quality in forms
        ]
        least = floors(dice.choice((None, None, 0.75, 0.85)))
        workloads.append(profiled(options, dice.choice(DEMANDS), name, accuracy=least))
    return workloads, offers


def shared(workloads: list[Profiled], offers: list[Offer]) -> Instance:
    return instance([edited(workload, service="s") for workload in workloads], offers)


def by_hand(workloads: list[Profiled], offers: list[Offer]) -> Instance:
    """The same as one workload: a class per workload, and no rate where the option is not good enough."""
    options = [
        edited(
            first,
            rates={
                w.name: rates["all"] if _reaches(w, w.options[k].accuracy[0].at_least) else 0.0
                for w in workloads
                for rates in [w.options[k].rates]
            },
        )
        for k, first in enumerate(workloads[0].options)
    ]
    demands = {workload.name: workload.classes[0].requests_per_s for workload in workloads}
    return instance([profiled(options, demands, "s")], offers)


def _reaches(workload: Profiled, quality: float) -> bool:
    return all(quality >= floor.at_least for floor in workload.accuracy)


def cost(asked: Instance, backend: BackendChoice = "auto") -> float | None:
    """Cost in USD, or None; every plan is verified on the way."""
    question_ = resolved(asked)
    plan = solve(question_, backend=backend)
    assert plan.status in ("optimal", "infeasible")
    assert verify(question_, plan).ok
    assert plan.certificate is not None
    return plan.certificate.objective_usd


@pytest.mark.parametrize("chunk", range(4))
def test_a_service_costs_what_enumeration_finds(chunk: int) -> None:
    for seed in sample(range(chunk * 40, (chunk + 1) * 40)):
        workloads, offers = question(Random(seed))
        right = cheapest(resolved(by_hand(workloads, offers)))
        found = cost(shared(workloads, offers))
        assert found == (None if right is None else right / 10**6), f"seed {seed}"


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(160, 180)):
        workloads, offers = question(Random(seed))
        right = cheapest(resolved(by_hand(workloads, offers)))
        found = cost(shared(workloads, offers), backend)
        assert found == (None if right is None else right / 10**6), f"seed {seed}"


def test_sharing_never_costs_more_and_often_less() -> None:
    cheaper = feasible = 0
    for seed in sample(range(1000, 1150)):
        workloads, offers = question(Random(seed))
        apart, together = cost(instance(workloads, offers)), cost(shared(workloads, offers))
        if apart is not None:
            assert together is not None, f"seed {seed}"
            assert together <= apart, f"seed {seed}"
            feasible += 1
            cheaper += together < apart
    assert feasible >= part(75)
    assert cheaper >= part(15)


def test_a_workload_split_into_two_members_costs_the_same() -> None:
    """Two classes of one workload, or two workloads of a class each that share a service."""
    for seed in sample(range(2000, 2080)):
        workloads, offers = question(Random(seed))
        plain = [edited(workload, accuracy=()) for workload in workloads]
        assert cost(shared(plain, offers)) == cost(by_hand(plain, offers)), f"seed {seed}"


def test_floors_of_classes_never_make_it_cheaper() -> None:
    dearer = 0
    for seed in sample(range(3000, 3060)):
        workloads, offers = question(Random(seed))
        free, bound = cost(shared([edited(w, accuracy=()) for w in workloads], offers)), cost(shared(workloads, offers))
        assert free is not None or bound is None, f"seed {seed}"
        if free is not None and bound is not None:
            assert free <= bound, f"seed {seed}"
            dearer += free < bound
    assert dearer >= part(3)
