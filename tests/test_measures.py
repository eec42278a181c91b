"""What a measure is worth, and from what volume on it pays: every figure by hand."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from builders import instance, offer, option, profiled, resolved
from gpufleet import InputError, solve
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_free_measure, with_rates, without_measure
from gpufleet.report.measure_text import measure_text
from gpufleet.schema.instance import Budgets, Measure
from gpufleet.schema.workloads import Training
from gpufleet.whatif import measures as whatif_measures
from gpufleet.whatif.measures import MeasureValue, cost_of, value_measures

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

ONE = option("one", rates={"all": 3.0})
QUICK = option("quick", rates={"all": 12.0})


def measure(cost_usd: float, name: str = "m", **changes: Any) -> Measure:
    return Measure(name=name, cost_usd=cost_usd, workloads=("w",), source="test", **changes)


def question(rate: float, *measures: Measure, **changes: Any) -> ResolvedInstance:
    """Nodes of 1 USD; a replica takes one and serves 3 requests/s."""
    options = changes.pop("options", (ONE,))
    most = changes.pop("stock", None)
    return resolved(instance([profiled(options, rate)], [offer(stock=most)], measures=measures, **changes))


def text_of(asked: ResolvedInstance, values: tuple[MeasureValue, ...]) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    for part in measure_text(asked, values):
        console.print(part)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def test_the_value_is_what_the_nodes_saved_cost() -> None:
    """12 requests/s: 4 nodes, or 2 of twice the throughput. The measure costs 1.50 USD and saves 2."""
    asked = question(12.0, measure(1.5, throughput_factor=2.0))
    (value,) = value_measures(asked)
    today = value.today
    assert (cost_of(today.without), cost_of(today.free), today.value_usd) == (4.0, 2.0, 2.0)
    assert (value.cost_usd, today.pays, today.proven, today.needed) == (1.5, True, True, False)
    assert not any(entry.taken for entry in today.without.measures)


def test_the_smallest_volume_that_pays_is_found_by_halving() -> None:
    """It saves ceil(r/3) - ceil(r/6) nodes: 2 from 9 requests/s on (4 - 2), but 1 at 9 itself (3 - 2) and below.

    9 requests/s are three quarters of today's 12: it pays just above 0.75 times today's volume.
    """
    (value,) = value_measures(question(12.0, measure(1.5, throughput_factor=2.0)))
    assert value.pays_from is not None
    assert value.does_not_pay_at is not None
    assert 0.75 < value.pays_from <= 0.75 * 1.02
    assert 0.75 / 1.02 <= value.does_not_pay_at <= 0.75
    assert [point.factor for point in value.points][-1] == 1.0


def test_and_by_doubling() -> None:
    """It costs 4.50 USD and saves ceil(r/3) - ceil(r/6): 5 for the first time above 27 requests/s (10 - 5)."""
    asked = question(12.0, measure(4.5, throughput_factor=2.0))
    (value,) = value_measures(asked)
    assert value.today.pays is False
    assert value.pays_from is not None
    assert value.does_not_pay_at is not None
    assert 27 < 12 * value.pays_from <= 27 * 1.02
    assert 27 / 1.02 <= 12 * value.does_not_pay_at <= 27
    looked = {point.factor for point in value.points}
    assert {1.0, 2.0, 4.0} <= looked
    assert max(looked) == 4.0
    said = text_of(asked, (value,))
    assert f"m (w): pays from about {value.pays_from:.3g} times today's volume on" in said
    assert f"(at {value.does_not_pay_at:.3g} times it does not)" in said
    assert "m 4.00 2.00 2.00 4.50 does not pay" in said


def test_it_never_pays() -> None:
    """At 64 times today's volume, 768 requests/s, it saves 256 - 128 nodes and costs a dollar more."""
    asked = question(12.0, measure(129.0, throughput_factor=2.0))
    (value,) = value_measures(asked)
    assert (value.pays_from, value.does_not_pay_at) == (None, 64.0)
    assert value.points[-1].value_usd == 128.0
    assert "m (w): does not pay up to 64 times today's volume." in text_of(asked, (value,))


def test_a_measure_whose_value_is_its_cost_pays() -> None:
    """128 USD at 64 times today's volume is just enough."""
    (value,) = value_measures(question(12.0, measure(128.0, throughput_factor=2.0)))
    assert value.points[-1].factor == 64.0
    assert value.points[-1].pays


def test_it_always_pays() -> None:
    """It unlocks what is needed at all: without it there is no plan at any volume."""
    asked = question(6.0, measure(5.0, unlocks=("one",)))
    (value,) = value_measures(asked)
    assert value.today.needed
    assert value.today.value_usd is None
    assert (value.pays_from, value.does_not_pay_at) == (1 / 64, None)
    said = text_of(asked, (value,))
    assert "pays at every volume looked at, from 0.0156 times to 1 times today's." in said
    assert "5.00 needed" in said


def test_a_measure_that_is_forbidden_unlocks_nothing() -> None:
    """12 requests/s on one quick node, which needs the measure, or on 4; taking the measure out would set it free."""
    asked = question(12.0, measure(3.0, unlocks=("quick",)), options=(ONE, QUICK))
    assert cost_of(solve(without_measure(asked, "m"))) == 4.0
    assert cost_of(solve(with_free_measure(asked, "m"))) == 1.0
    (value,) = value_measures(asked)
    assert value.today.value_usd == 3.0
    assert value.today.pays


def test_each_is_valued_beside_the_others_and_all_together() -> None:
    """36 requests/s: 12 nodes, 6 with either measure, 3 with both; they cost 4 each.

    Without one, the other is taken: 6 + 4 = 10. With one for nothing, 6 nodes are left, and the other would save 3 of
    them for 4: it is left. So each is worth 10 - 6 = 4, just its cost. Together they save 12 - 3 = 9, more than 8.
    """
    both = [measure(4.0, name, throughput_factor=2.0) for name in ("m", "n")]
    values = value_measures(question(36.0, *both))
    assert [value.measures for value in values] == [("m",), ("n",), ("m", "n")]
    assert [value.today.value_usd for value in values] == [4.0, 4.0, 9.0]
    assert [value.cost_usd for value in values] == [4.0, 4.0, 8.0]
    assert [value.today.pays for value in values] == [True, True, True]


def test_whether_it_pays_is_what_the_optimum_says() -> None:
    """Taken exactly where the value exceeds the cost, at every volume looked at."""
    asked = question(12.0, measure(4.5, throughput_factor=2.0))
    (value,) = value_measures(asked)
    for point in value.points:
        plan = solve(with_rates(asked, ["w"], point.factor))
        assert plan.measures[0].taken is point.pays
        least = min(cost_of(point.without) or 0.0, (cost_of(point.free) or 0.0) + 4.5)
        assert cost_of(plan) == pytest.approx(least)


def test_where_there_is_no_plan_the_search_ends_and_says_so() -> None:
    """10 nodes carry 30 requests/s, or 60 with a measure of factor 2: beyond 30, below 60, it is needed.

    Before that it saves at most 10 - 5 nodes, less than its 6 USD. A measure of factor 1.01 does not help: at 4 times
    12 requests/s there is no plan with or without it, and that is where the search ends.
    """
    (value,) = value_measures(question(12.0, measure(6.0, throughput_factor=2.0), stock=10))
    assert value.pays_from is not None
    assert 30 < 12 * value.pays_from <= 30 * 1.02
    gain = question(12.0, measure(50.0, throughput_factor=1.01), stock=10)
    (lost,) = value_measures(gain)
    assert lost.pays_from is None
    assert lost.points[-1].pays is None
    said = text_of(gain, (lost,))
    assert "m (w): does not pay up to 2 times today's volume. At 4 times there is no answer (infeasible:" in said


def test_without_a_plan_today_there_is_no_answer() -> None:
    asked = question(12.0, measure(1.0, throughput_factor=2.0), stock=1)
    (value,) = value_measures(asked)
    assert [point.factor for point in value.points] == [1.0]
    assert value.today.pays is None
    said = text_of(asked, (value,))
    assert "1.00 no plan" in said
    assert "m (w): no answer at today's volume (infeasible: every workload has options, but stock" in said


def test_what_is_not_proven_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans that a time limit has cut off."""

    def cut_off(*arguments: Any) -> Plan:
        plan = whole(*arguments)
        return plan.model_copy(update={"status": "feasible"})

    whole = whatif_measures.solve_candidates
    monkeypatch.setattr(whatif_measures, "solve_candidates", cut_off)
    asked = question(12.0, measure(129.0, throughput_factor=2.0))
    (value,) = value_measures(asked)
    assert not value.today.proven
    said = text_of(asked, (value,))
    assert "does not pay, not proven" in said
    assert "Not proven optimal within the time limit at 1 times, 2 times, 4 times" in said


def test_candidates_are_enumerated_once_with_and_once_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the same at every volume, as the last lines check."""
    calls = []

    def counted(asked: ResolvedInstance) -> Any:
        calls.append(asked)
        return build_candidates(asked)

    monkeypatch.setattr(whatif_measures, "build_candidates", counted)
    asked = question(12.0, measure(4.5, throughput_factor=2.0))
    value_measures(asked)
    assert len(calls) == 2
    assert build_candidates(with_rates(asked, ["w"], 7.3)).options == build_candidates(asked).options
    assert build_candidates(with_free_measure(asked, "m")).options == build_candidates(asked).options


def test_rates_are_multiplied_in_decimals() -> None:
    asked = question(0.1)
    changed = with_rates(asked, ["w"], 1.414).instance.workloads[0]
    assert not isinstance(changed, Training)
    assert changed.classes[0].requests_per_s == 0.1414
    assert with_rates(asked, ["x"], 2.0).digest == asked.digest


def test_a_free_measure_is_in_no_budget() -> None:
    """The budget leaves no room for 3 USD of measure beside 2 nodes, but the value is that of the nodes saved."""
    asked = question(12.0, measure(3.0, throughput_factor=2.0), budgets=Budgets(horizon_usd=4.0))
    (value,) = value_measures(asked)
    assert value.today.value_usd == 2.0


def test_an_instance_without_measures_is_refused() -> None:
    with pytest.raises(InputError, match="no measures to value; give some under measures"):
        value_measures(question(12.0))
