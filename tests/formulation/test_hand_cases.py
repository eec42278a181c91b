"""Instances solved on paper, through the whole chain, on every back end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hand_cases import HAND_CASES

from builders import resolved
from gpufleet import confirm, solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends import mathopt_here, mathopt_highs
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.choice import Approach
from gpufleet.solving import solve_candidates

if TYPE_CHECKING:
    from hand_questions import HandCase

    from gpufleet import Plan, ResolvedInstance


@pytest.mark.parametrize("case", HAND_CASES, ids=str)
def test_hand_case(case: HandCase, backend: str) -> None:
    check(case, backend)


@pytest.mark.parametrize("case", HAND_CASES[::4], ids=str)
def test_scip_agrees(case: HandCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every fourth case, inside the test's process."""
    monkeypatch.setattr(mathopt_highs, "solve_apart", mathopt_here.solve_here)
    check(case, "scip")


@pytest.mark.parametrize("case", [case for case in HAND_CASES if case.scenarios is None][1::5], ids=str)
def test_decomposition_agrees(case: HandCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every fifth case; its prices never prove more than the cost on paper. HiGHS is asked inside the process."""
    monkeypatch.setattr(mathopt_highs, "solve_apart", mathopt_here.solve_here)
    asked, plan = check(case, "auto", engine="decomposition")
    found = confirm(asked, plan)
    if case.usd is not None:
        assert found.has_prices
        assert found.bound_usd is not None
        assert found.bound_usd <= case.usd


def check(case: HandCase, backend: str, **options: Any) -> tuple[ResolvedInstance, Plan]:
    """The cost, the proof and the verifier's verdict are those on paper."""
    asked = resolved(case.question)
    plan = _solve(case, asked, backend, **options)
    assert plan.certificate is not None
    if case.usd is None:
        assert plan.status == "infeasible"
        assert plan.reason
        assert not plan.nodes
        assert plan.certificate.objective_usd is None
    else:
        assert plan.status == "optimal"
        assert plan.certificate.objective_usd == plan.certificate.bound_usd == case.usd
        report = verify(asked, plan)
        assert report.cost_usd == pytest.approx(case.usd - case.moves_usd, abs=1e-9)
        assert report.moves_usd == case.moves_usd
        assert [entry.unserved for entry in plan.certificate.service] == pytest.approx(case.unserved, abs=1e-12)
        assert all(entry.bound == entry.unserved for entry in plan.certificate.service)
    return asked, plan


def _solve(case: HandCase, asked: ResolvedInstance, backend: Any, **options: Any) -> Plan:
    if case.parts is None and case.scenarios is None:
        return solve(asked, backend=backend, **options)
    approach = Approach(backend, certify=True, **options)
    return solve_candidates(
        asked, build_candidates(asked), SolverLimits(60), approach, None, case.parts, case.scenarios
    )


def test_the_split_is_the_one_on_paper() -> None:
    """`a class is split`: 4 of the 6 requests/s of a fit beside class b on the large replica."""
    case = next(case for case in HAND_CASES if case.name == "a class is split")
    plan = solve(resolved(case.question))
    by_option = {index: deployment.option for index, deployment in enumerate(plan.deployments)}
    shares = {(by_option[route.deployment], route.request_class): route.share for route in plan.routing}
    assert shares["four", "b"] == 1.0
    assert 1 / 3 <= shares["one", "a"] <= 1 / 2
    assert 1 / 2 <= shares["four", "a"] <= 2 / 3
