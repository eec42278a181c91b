"""Infeasible estates: random feasible ones with some of their rules tightened, and what must hold of every explanation.

The checks enumerate anew for every question and know nothing of what the explanation has found out on its way.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any

from random_estates import random_estate

from builders import resolved
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.requirement import without_all
from gpufleet.edits.requirements import requirements
from gpufleet.explain.explanation import Explanation, explanation
from gpufleet.explain.repairs import LEAST_CHANGE
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.questions import has_plan
from gpufleet.problem.build import build_problem
from gpufleet.schema.workloads import Privacy, Profiled, RequestServing, Training
from gpufleet.solving import hopeless, solve
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.explain.repairs import Repair
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

MOST_CUTS = 12


def infeasible_estate(seed: int) -> ResolvedInstance | None:
    """A random estate with rules tightened until it has no plan; None where it has none to begin with, or always."""
    dice = Random(seed)
    asked = random_estate(dice)
    plan = solve(resolved(asked))
    if plan.certificate is None or plan.certificate.objective_usd is None:
        return None
    cost = plan.certificate.objective_usd
    for _ in range(MOST_CUTS):
        asked = dice.choice(CUTS)(asked, dice, cost)
        question = resolved(asked)
        if not feasible(question):
            return question
    return None


def feasible(asked: ResolvedInstance) -> bool:
    """Is there a plan? Everything is worked out anew."""
    candidates = build_candidates(asked)
    problem = build_problem(asked, candidates)
    if any(hopeless(asked, problem, candidates)):
        return False
    found = has_plan(problem, SolverLimits(30.0))
    assert found is not None, asked.instance.uid
    return found


# ---------------------------------------------------------------------------------------------- tightening


def _budget(asked: Instance, dice: Random, cost: float) -> Instance:
    cap = round(cost * dice.uniform(0.3, 1.1), 2)
    return asked.model_copy(update={"budgets": asked.budgets.model_copy(update={"horizon_usd": cap})})


def _power(asked: Instance, dice: Random, _: float) -> Instance:
    field, cap = dice.choice(("power_cap_kw", "rack_units")), float(dice.randint(1, 3))
    sites = tuple(known.model_copy(update={field: cap}) for known in asked.sites)
    return asked.model_copy(update={"sites": sites})


def _stock(asked: Instance, dice: Random, _: float) -> Instance:
    left = dice.randint(0, 2)
    offers = tuple(
        known.model_copy(update={"stock": left, "min_order": 0}) if known.term != "owned" else known
        for known in asked.offers
    )
    return asked.model_copy(update={"offers": offers})


def _shares(asked: Instance, dice: Random, _: float) -> Instance:
    share = dice.choice((0.0, 0.3, 0.5))
    changes = dice.choice(
        (
            {"max_vendor_share": {"Vendor": share}},
            {"min_country_share": {"DE": 1 - share}},
            {"max_accelerator_share": {"A": share, "B": share}},
            {"max_site_share": {"here": share}},
            {"max_node_types": 1},
        )
    )
    return asked.model_copy(update={"rules": asked.rules.model_copy(update=changes)})


def _each(change: Callable[[Workload, Random], dict[str, Any]]) -> Callable[[Instance, Random, float], Instance]:
    """The same kind of change for all workloads, members of a service alike."""

    def cut(asked: Instance, dice: Random, _: float) -> Instance:
        seed = dice.random()
        workloads = tuple(known.model_copy(update=change(known, Random(seed))) for known in asked.workloads)
        return asked.model_copy(update={"workloads": workloads})

    return cut


def _privacy(_: Workload, dice: Random) -> dict[str, Any]:
    rule = dice.choice(
        (
            Privacy(locations="on_prem"),
            Privacy(locations="private"),
            Privacy(certifications=("X",)),
            Privacy(countries=("DE",)),
        )
    )
    return {"privacy": rule}


def _latency(workload: Workload, dice: Random) -> dict[str, Any]:
    if isinstance(workload, RequestServing):
        limit = round(workload.slo[0].limit_ms * dice.uniform(0.05, 0.9), 1)
        return {"slo": (workload.slo[0].model_copy(update={"limit_ms": limit}),)}
    if isinstance(workload, Training):
        return {"deadline_days": round(workload.deadline_days * dice.uniform(0.02, 0.8), 3)}
    return {}


def _more(workload: Workload, dice: Random) -> dict[str, Any]:
    factor = float(dice.choice((2, 5, 10)))
    if isinstance(workload, Training):
        return {"samples": workload.samples * factor}
    classes = (group.model_copy(update={"requests_per_s": group.requests_per_s * factor}) for group in workload.classes)
    return {"classes": tuple(classes)}


def _replicas(workload: Workload, dice: Random) -> dict[str, Any]:
    if isinstance(workload, Training):
        return {}
    return dice.choice(({"min_replicas": 9, "max_replicas": None}, {"max_replicas": 1, "min_replicas": 0}))


def _failures(workload: Workload, dice: Random) -> dict[str, Any]:
    loss = dice.random() < 0.5 and not isinstance(workload, Training)
    fields = {"survive_site_loss": True} if loss else {"spare_nodes": 2}
    return {"redundancy": workload.redundancy.model_copy(update=fields)}


def _spot(workload: Workload, _: Random) -> dict[str, Any]:
    return {"max_spot_share": 0.0}


def _coarse(workload: Workload, dice: Random) -> dict[str, Any]:
    if isinstance(workload, Profiled):
        return {"max_utilisation": dice.choice((0.05, 0.3))}
    return {"max_batch": 1} if isinstance(workload, RequestServing) else {}


CUTS: tuple[Callable[[Instance, Random, float], Instance], ...] = (
    _budget,
    _power,
    _stock,
    _shares,
    *(_each(change) for change in (_privacy, _latency, _more, _replicas, _failures, _spot, _coarse)),
)


# ------------------------------------------------------------------------------------------------ checking


def check(asked: ResolvedInstance) -> Explanation:
    """Explain an infeasible instance, and check everything that the explanation says is proven."""
    found = explanation(asked, 60.0)
    assert found.plan.status == "infeasible"
    conflict, known = found.conflict, requirements(asked)
    assert conflict is not None
    assert conflict.irreducible
    named = {requirement.loc for requirement in conflict.requirements}
    others = [requirement for requirement in known if requirement.loc not in named]
    assert not feasible(without_all(asked, others))
    for requirement in conflict.requirements:
        assert feasible(without_all(asked, [*others, requirement])), requirement.words
    alone = {requirement.loc for requirement in conflict.requirements if feasible(requirement.without(asked))}
    assert alone == {repair.requirement.loc for repair in found.repairs}
    for repair in found.repairs:
        check_repair(asked, repair)
    return found


def check_repair(asked: ResolvedInstance, repair: Repair) -> None:
    """Applied, it makes the instance feasible, and 1 % less of it does not."""
    assert feasible(repair.change(asked)), repair.words
    assert repair.plan is not None
    assert repair.plan.status == "optimal"
    known = repair.requirement
    if repair.value is None:
        assert repair.least, repair.words
        return
    assert known.put is not None
    assert known.value is not None
    change = exact(repair.value) - exact(known.value)
    assert (change > 0) == known.rising
    if not repair.least:  # any change at all is enough
        assert abs(change) == LEAST_CHANGE * (abs(exact(known.value)) or 1), repair.words
        return
    less = repair.value - (1 if change > 0 else -1) if known.whole else None
    if less is None or known.levels:
        less = float(exact(known.value) + change * Fraction(99, 100))
        less = int(less) if known.whole else less
    assert not feasible(known.put(asked, less)), f"{repair.words}: {less} would do"
