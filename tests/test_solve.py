"""The front door: what `solve` returns when there is no plan, when time is short, and what the package exports."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import gpufleet
from builders import instance, near_ties, offer, option, profiled, resolved, site
from gpufleet import MissingBackendError, Plan, VerificationError, solve, verify
from gpufleet.optimize import choice
from gpufleet.optimize.backends import highs_process, mathopt_highs
from gpufleet.optimize.backends.highs_process import solve_apart
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.mathopt_here import solve_here
from gpufleet.optimize.backends.registry import backend as back_end
from gpufleet.optimize.formulation import pools
from gpufleet.optimize.formulation.linear_model import LinearModel
from gpufleet.schema.instance import Budgets
from gpufleet.schema.workloads import AccuracyFloor, Privacy, Redundancy
from gpufleet.units import micro_usd

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.instance import Instance

ONE = option("one", rates={"all": 3.0})


# -------------------------------------------------------------------------------------------- no plan at all


def infeasible(question: Instance) -> Plan:
    asked = resolved(question)
    plan = solve(asked)
    assert plan.status == "infeasible"
    assert plan.reason
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is None
    assert plan.certificate.gap is None
    assert (plan.nodes, plan.deployments, plan.routing, plan.costs) == ((), (), (), ())
    assert verify(asked, plan).ok
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    return plan


def test_no_option_is_left() -> None:
    workload = profiled([ONE], privacy=Privacy(locations="on_prem"))
    plan = infeasible(instance([workload], [offer()], sites=(site(kind="public_cloud"),)))
    assert plan.reason == "w: no deployment option is left; eliminated by privacy 1"
    assert plan.funnel
    assert plan.rejections[0].rule == "privacy"


def test_no_offer_for_its_node_type() -> None:
    plan = infeasible(instance([profiled([ONE])], [offer("o", "n2")]))
    assert plan.reason == "w: no offer carries an accelerator that it could run on"


def test_a_class_that_nothing_serves_is_named() -> None:
    plan = infeasible(instance([profiled([option("k", rates={"a": 1.0})], {"a": 1.0, "b": 1.0})], [offer()]))
    assert plan.reason == "w: none of its 1 deployment options serves class b"


def test_a_workload_that_is_tied_to_the_site_that_may_be_lost_is_named() -> None:
    asked = Redundancy(survive_site_loss=True)
    plan = solve(resolved(instance([profiled([option("k", rates={"all": 3.0})], redundancy=asked)], (offer(),))))
    assert plan.status == "infeasible"
    assert plan.reason is not None
    assert plan.reason.startswith("w must survive the loss of a site, but all its 1 deployment options are at here;")


def test_a_class_that_is_tied_to_one_site_is_named() -> None:
    options = [option("k", rates={"a": 1.0}), option("l", "n2", rates={"a": 1.0, "b": 1.0})]
    work = profiled(options, {"a": 1.0, "b": 1.0}, redundancy=Redundancy(survive_site_loss=True))
    offers = (offer(), offer("o2", "n2"), offer("o3", site="there"))
    plan = solve(resolved(instance([work], offers, sites=(site(), site("there")))))
    assert plan.reason == "w must survive the loss of a site, but class b is served at here alone"


def test_redundancy_is_named_among_what_leaves_no_plan() -> None:
    work = profiled([option("k", rates={"all": 3.0})], redundancy=Redundancy(spare_nodes=1))
    plan = solve(resolved(instance([work], (offer(stock=1),))))
    assert plan.reason is not None
    assert "redundancy and fleet rules together leave no plan" in plan.reason


def test_every_workload_without_options_is_named() -> None:
    workloads = [profiled([ONE], name=name, privacy=Privacy(countries=("DE",))) for name in ("v", "w")]
    plan = infeasible(instance(workloads, [offer()]))
    assert plan.reason is not None
    assert plan.reason.startswith("v: ")
    assert "; w: " in plan.reason


@pytest.mark.parametrize(
    "question",
    [
        instance([profiled([ONE], 9.0)], [offer()], budgets=Budgets(horizon_usd=2.5)),
        instance([profiled([ONE], 9.0)], [offer(stock=2)]),
        instance([profiled([ONE], 9.0)], [offer()], sites=(site(power_cap_kw=2.0),)),
        instance([profiled([ONE], 9.0, max_replicas=2)], [offer()]),
    ],
    ids=["budget", "stock", "power", "replicas"],
)
def test_limits_leave_no_plan(question: Instance, backend: str) -> None:
    asked = resolved(question)
    plan = solve(asked, backend=backend)  # type: ignore[arg-type]
    assert plan.status == "infeasible"
    assert plan.reason is not None
    assert "every workload has options" in plan.reason
    infeasible(question)


# ------------------------------------------------------------------------------------------------ short time


def test_out_of_time_the_bound_still_holds() -> None:
    """Whatever was reached: never an exception, never an unproven `optimal`, and a bound below the optimum."""
    asked = resolved(near_ties())
    best = solve(asked, backend="highs", time_limit_s=60)
    assert best.certificate is not None
    assert best.certificate.objective_usd is not None
    seen = set()
    for seconds in (0.0, 0.02, 0.1, 0.5):
        plan = solve(asked, backend="cpsat", time_limit_s=seconds)
        certificate = plan.certificate
        assert certificate is not None
        assert certificate.bound_usd is not None
        assert certificate.bound_usd <= best.certificate.objective_usd
        assert plan.status in ("unknown", "feasible", "optimal")
        if plan.status == "optimal":
            assert certificate.objective_usd == best.certificate.objective_usd
        else:
            assert plan.reason
        if plan.status == "feasible":
            assert certificate.objective_usd is not None
            assert certificate.objective_usd >= best.certificate.objective_usd * 0.999999
            assert certificate.gap is not None
            assert certificate.gap > 0
        if plan.status == "unknown":
            assert "not proven" in str(plan.reason)
            assert not plan.nodes
        assert verify(asked, plan).ok
        seen.add(plan.status)
    assert seen & {"unknown", "feasible"}, "the instance is too easy for this test"


@pytest.mark.parametrize("gap", [0.5, 0.05])
def test_a_gap_that_is_asked_for_is_kept_and_stated(gap: float, backend: str) -> None:
    question = instance(
        [profiled([ONE, option("four", "n4", 4, rates={"all": 13.0})], 200.0)], [offer(), offer("o", "n4", 3.5)]
    )
    asked = resolved(question)
    optimum = solve(asked).certificate
    plan = solve(asked, backend=backend, relative_gap=gap)  # type: ignore[arg-type]
    assert plan.certificate is not None
    assert optimum is not None
    assert optimum.objective_usd is not None
    assert plan.certificate.objective_usd is not None
    assert plan.certificate.bound_usd is not None
    assert plan.certificate.bound_usd <= optimum.objective_usd <= plan.certificate.objective_usd
    assert plan.certificate.objective_usd <= optimum.objective_usd / (1 - gap)
    assert plan.status == "feasible" or plan.certificate.gap == 0


# -------------------------------------------------------------------------------------------------- back ends


def test_highs_in_a_process_of_its_own_says_the_same_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    question = instance([profiled([option("k", rates={"a": 3.0, "b": 2.0})], {"a": 4.0, "b": 5.0})], [offer()])
    asked = resolved(question)
    plan = solve(asked, backend="highs")
    assert capfd.readouterr().out == ""
    assert plan.status == "optimal"
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == 4.0  # 4/3 + 5/2 = 3.8 replicas
    assert "HiGHS" in plan.certificate.versions["solver"]


def test_the_child_process_returns_what_solving_here_returns() -> None:
    model = LinearModel()
    model.objective = {model.add_variable("x", 0, 9): 3, model.add_variable("y", 0, 9): 2}
    model.add_row("r", "r", [(0, 2), (1, 1)], lower=7)
    limits = SolverLimits(10)
    assert solve_apart(model, limits) == solve_here(model, limits)


def test_a_child_process_that_cannot_run_is_a_missing_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highs_process.sys, "executable", "/bin/false")
    with pytest.raises(MissingBackendError, match="HiGHS cannot run"):
        solve(resolved(instance([profiled([ONE])], [offer()])), backend="highs")


def test_a_child_process_that_is_killed_is_a_missing_answer_not_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(highs_process.sys, "executable", str(killed))
    plan = solve(resolved(instance([profiled([ONE])], [offer()])), backend="highs")
    assert plan.status == "unknown"
    assert plan.certificate is not None
    assert plan.certificate.bound_usd == 0


def test_unknown_back_ends_are_named() -> None:
    with pytest.raises(MissingBackendError, match="gurobi; choose one of cpsat, pulp, highs, scip"):
        back_end("gurobi")


def test_rows_without_terms_are_decided_by_their_sides(backend: str) -> None:
    """0 >= 1 has no solution, 0 <= 1 always has; back ends must not lose either."""
    for lower, outcome in ((1, "infeasible"), (0, "optimal")):
        model = LinearModel()
        model.objective = {model.add_variable("x", 0, 5): 1}
        model.add_row("r", "r", [(0, 1)], lower=2)
        model.add_row("r", "empty", [], lower=lower)
        result = back_end(backend).solve(model, SolverLimits(10))
        assert result.outcome == outcome
        assert result.objective == (2 if outcome == "optimal" else None)


def test_a_free_fleet_costs_nothing(backend: str) -> None:
    asked = resolved(instance([profiled([ONE], 9.0)], [offer(usd_per_hour=0.0)]))
    plan = solve(asked, backend=backend)  # type: ignore[arg-type]
    assert plan.certificate is not None
    assert (plan.certificate.objective_usd, plan.certificate.gap) == (0.0, 0.0)
    assert [taken.count for taken in plan.nodes] == [3], "fewest nodes, even when they are free"


# ------------------------------------------------------------------------------------------- odd but allowed


def test_a_class_may_be_called_run() -> None:
    """The name under which a training run is kept inside is free for the user's own classes."""
    asked = resolved(
        instance([profiled([option("k", rates={"run": 3.0, "b": 2.0})], {"run": 1.0, "b": 1.0})], [offer()])
    )
    plan = solve(asked)
    assert {route.request_class for route in plan.routing} == {"run", "b"}


def test_classes_without_demand_need_no_server() -> None:
    asked = resolved(instance([profiled([option("k", rates={"a": 3.0})], {"a": 1.0, "idle": 0.0})], [offer()]))
    plan = solve(asked)
    assert plan.status == "optimal"
    assert [(route.request_class, route.share) for route in plan.routing] == [("a", 1.0)]


def test_fleets_of_hundreds_of_billions_are_billed_to_the_last_digit_of_a_float() -> None:
    asked = resolved(
        instance(
            [profiled([option("k", rates={"all": 1.0})], 777_777.0)],
            [offer(usd_per_hour=33.333337)],
            horizon_hours=8760.123,
        )
    )
    plan = solve(asked)
    assert plan.status == "optimal"
    unit = micro_usd(33.333337 * 8760.123)
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == pytest.approx(unit * 777_777 / 1e6, rel=1e-9)
    assert verify(asked, plan).ok


def test_a_plan_that_fails_its_verification_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the optimiser were wrong about packing, nobody would see its plan."""
    monkeypatch.setattr(pools, "add_rows", lambda *_: None)
    with pytest.raises(VerificationError, match="packing"):
        solve(resolved(instance([profiled([ONE], 9.0)], [offer()])))


def test_solve_logs_and_prints_nothing(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="gpufleet"):
        solve(resolved(instance([profiled([ONE])], [offer()])))
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert caplog.records


# ------------------------------------------------------------------------------------------- the public face


def test_exported_names_are_sorted_importable_and_complete() -> None:
    names = gpufleet.__all__
    assert names == sorted(set(names))
    for name in names:
        assert getattr(gpufleet, name) is not None
        if name != "__version__":
            home = importlib.import_module(gpufleet._HOMES[name])
            assert getattr(gpufleet, name) is getattr(home, name)
    assert dir(gpufleet) == names
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gpufleet.nonsense  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "from gpufleet import solve",
        "import gpufleet.solving\nfrom gpufleet import solve",
        "import gpufleet.verification\nfrom gpufleet import verify, solve\nassert callable(verify)",
        "from gpufleet import *",
        "import gpufleet\nsolve = gpufleet.solve",
    ],
)
def test_solve_is_the_function_however_it_is_imported(code: str) -> None:
    check = f"{code}\nassert callable(solve) and solve.__name__ == 'solve'"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


# ------------------------------------------------------------------------------------ when one solver gets stuck


def routed_question() -> Instance:
    """Two classes over two options of different nodes."""
    options = [option("one", rates={"a": 3.0, "b": 1.0}), option("two", "n2", 2, rates={"a": 4.0, "b": 5.0})]
    return instance([profiled(options, {"a": 7.0, "b": 6.0})], [offer(), offer("o2", "n2", 2.5)])


def test_highs_goes_on_where_cpsat_gets_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same cost, another engine, and the certificate says why."""
    asked = resolved(routed_question())
    usual = solve(asked)
    monkeypatch.setattr(choice, "FIRST_EFFORT", 0.0)
    monkeypatch.setattr(mathopt_highs, "solve_apart", solve_here)
    other = solve(asked)
    assert usual.certificate is not None
    assert other.certificate is not None
    assert usual.certificate.engine == "whole model, cpsat"
    assert other.certificate.engine == "whole model, highs"
    assert other.certificate.engine_reason == choice.HIGHS_GOES_ON
    assert (other.status, other.certificate.objective_usd) == (usual.status, usual.certificate.objective_usd)
    assert verify(asked, other).ok


def test_who_asks_for_cpsat_gets_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "FIRST_EFFORT", 0.0)
    plan = solve(resolved(routed_question()), backend="cpsat")
    assert plan.status == "optimal"
    assert plan.certificate is not None
    assert plan.certificate.engine == "whole model, cpsat"


# --------------------------------------------------------------------------------- classes that nothing serves


def test_a_class_floor_out_of_reach_is_named() -> None:
    """Both for one class (served by nothing at all) and beside another one."""
    options = [option("k", rates={"a": 2.0, "b": 2.0}, accuracy=(AccuracyFloor(metric="q", at_least=0.8),))]
    workload = profiled(options, {"a": 1.0, "b": 1.0})
    high = (AccuracyFloor(metric="q", at_least=0.9),)
    classes = (workload.classes[0], workload.classes[1].model_copy(update={"accuracy": high}))
    for group in (classes, (classes[0].model_copy(update={"requests_per_s": 0.0}), classes[1])):
        plan = infeasible(instance([workload.model_copy(update={"classes": group})], [offer()]))
        assert plan.reason == (
            "w: none of its 1 deployment options serves class b; it needs q 0.9, the best there is has 0.8"
        )
