"""LP, MPS and start files: exact figures, readable names, and the same optimum in other solvers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import InputError, Plan, Program, export_program, load_instance, solve
from gpufleet.exporting.files import decimal, lp_text, mps_text, start_text
from gpufleet.schema.plan import Deployment, PlannedNodes
from gpufleet.schema.time import Period
from gpufleet.schema.workloads import Redundancy
from other_solvers import by_cbc, by_highs

if TYPE_CHECKING:
    from gpufleet.schema.instance import Instance

ESTATE = Path(__file__).parents[2] / "instances" / "estate"
OFFERS = (offer("o1", usd_per_hour=1.000001, stock=9), offer("o4 @big", "n4", 3.3, stock=5))
OPTIONS = (option("small", rates={"a": 3.1, "b": 1.7}), option("big-4", "n4", 4, rates={"a": 13.0, "b": 0.9}))


def covering() -> Instance:
    """One class, with bounds on the replicas."""
    single = (option("small", rates={"all": 3.1}), option("big-4", "n4", 4, rates={"all": 13.0}))
    return instance([profiled(single, 20.0, min_replicas=2, max_replicas=5)], OFFERS)


def routed() -> Instance:
    """Two classes over two options."""
    return instance([profiled(OPTIONS, {"a": 17.0, "b": 4.3})], OFFERS)


def spare() -> Instance:
    """Nodes that may fail."""
    return instance([profiled(OPTIONS, {"a": 9.0, "b": 2.0}, redundancy=Redundancy(spare_nodes=1))], OFFERS)


def periods() -> Instance:
    """Day and night on rented nodes."""
    slices = (Period(name="day", hours=0.6), Period(name="night", hours=0.4, demand_factor=0.3))
    return edited(instance([profiled(OPTIONS, {"a": 17.0, "b": 4.3})], OFFERS), periods=slices)


QUESTIONS = {"covering": covering, "routed": routed, "spare": spare, "periods": periods}


@pytest.fixture(scope="module", params=QUESTIONS)
def exported(request: pytest.FixtureRequest) -> tuple[Program, Plan]:
    asked = resolved(QUESTIONS[request.param]())
    plan = solve(asked)
    return export_program(asked, plan), plan


def cost(plan: Plan) -> float:
    assert plan.status == "optimal"
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    return plan.certificate.objective_usd


def test_numbers_are_written_digit_by_digit() -> None:
    assert decimal(123456789012345678, 6) == "123456789012.345678"
    assert decimal(-1500000, 6) == "-1.5"
    assert decimal(7, 0) == "7"
    assert decimal(10, 2) == "0.1"


def test_other_solvers_find_the_same_optimum(exported: tuple[Program, Plan], tmp_path: Path) -> None:
    program, plan = exported
    (tmp_path / "m.lp").write_text(lp_text(program))
    (tmp_path / "m.mps").write_text(mps_text(program))
    (tmp_path / "exact.mps").write_text(mps_text(program, exact=True))
    for found in (by_cbc(tmp_path / "m.lp"), by_cbc(tmp_path / "m.mps"), by_highs(tmp_path / "exact.mps")):
        assert found == pytest.approx(cost(plan), rel=1e-6)


def test_the_plan_is_a_start_that_keeps_every_row(exported: tuple[Program, Plan]) -> None:
    program, plan = exported
    assert program.start is not None
    assert not program.model.violated(list(program.start))
    assert program.start_usd == pytest.approx(cost(plan), abs=1e-9)
    lines = dict(line.split() for line in start_text(program, exact=True).splitlines()[1:])
    assert {name: int(value) for name, value in lines.items()} == dict(
        zip(program.variables, program.start, strict=True)
    )


def test_names_are_unique_short_and_say_what_they_are(exported: tuple[Program, Plan]) -> None:
    program = exported[0]
    for names in (program.variables, program.rows):
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]{0,99}", name) for name in names)
    assert any(name.startswith("n_0_0.replicas.w.here.n1.small.tp1") for name in program.variables)
    assert any("o4_big" in name for name in program.variables)
    assert not [meaning for meaning in program.meanings if meaning.kind == "auxiliary"]


def test_the_map_has_a_row_per_variable_with_its_price(exported: tuple[Program, Plan]) -> None:
    program, plan = exported
    frame = program.variables_frame()
    assert frame["name"].tolist() == list(program.variables)
    assert (frame["usd_per_unit"] * frame["start"]).sum() == pytest.approx(cost(plan), abs=1e-6)
    nodes = frame[frame["kind"] == "nodes"].groupby("offer")["start"].sum()
    assert nodes["o1"] == sum(entry.count for entry in plan.nodes if entry.offer == "o1")


def test_scaled_rows_are_exactly_proportional_to_the_program(exported: tuple[Program, Plan]) -> None:
    """Read back from the LP text: every row of the file times one number is the row of the program."""
    from fractions import Fraction

    program = exported[0]
    text = lp_text(program).partition("Subject To\n")[2].partition("Bounds\n")[0]
    rows = dict(part.split(":", 1) for part in re.split(r"\n (?=\S)", text.strip().replace("\n   ", " ")))
    units = [v.upper if v.kind == "share" else 1 for v in program.model.variables]
    for row, name in zip(program.model.rows, program.rows, strict=True):
        written = rows.get(name) or rows[f"{name}.least"]
        figures = {word: Fraction(number) for number, word in re.findall(r"([+-][\d.]+) ([A-Za-z]\S*)", written)}
        ratios = {figures[program.variables[i]] / (value * units[i]) for i, value in row.terms}
        assert len(ratios) == 1
        side = row.upper if row.lower is None else row.lower
        assert Fraction(written.split("= ")[1]) == (side or 0) * ratios.pop()


def test_a_row_that_nothing_can_keep_stays_in_the_file(tmp_path: Path) -> None:
    """Out of stock: no option is left, and the demand has an empty row."""
    single = (option("small", rates={"all": 3.0}),)
    program = export_program(resolved(instance([profiled(single, 100.0)], (offer(stock=2),))))
    (tmp_path / "m.lp").write_text(lp_text(program))
    with pytest.raises(AssertionError, match="infeasible"):
        by_cbc(tmp_path / "m.lp")


def test_a_plan_of_something_else_gives_no_start_and_says_why() -> None:
    asked = resolved(covering())
    nodes = (PlannedNodes(offer="o1", count=7),)
    other = Deployment(workload="w", site="here", node_type="n1", replicas=7, option="unheard-of")
    program = export_program(asked, Plan(schema_version=1, instance="test", nodes=nodes, deployments=(other,)))
    assert program.start is None
    assert "unheard-of" in str(program.start_note)
    few = other.model_copy(update={"option": "small", "replicas": 1})
    program = export_program(asked, Plan(schema_version=1, instance="test", nodes=nodes, deployments=(few,)))
    assert program.start is None
    assert "do not keep every row" in str(program.start_note)


def test_unserved_demand_needs_a_plan_whose_service_is_then_held(tmp_path: Path) -> None:
    asked = load_instance(ESTATE / "training-mix.yaml")
    with pytest.raises(InputError, match=r"training-mix.yaml:13: allow_unserved: .*give a plan"):
        export_program(asked)
    plan = solve(asked)
    program = export_program(asked, plan)
    (tmp_path / "m.mps").write_text(mps_text(program))
    assert by_highs(tmp_path / "m.mps") == pytest.approx(cost(plan), rel=1e-6)
    assert [row.name for row in program.model.rows if row.name.startswith("level_")] == [f"level_{n}" for n in range(4)]
