"""A plan as a schedule: nodes by pool with base and burst, replicas by deployment, period by period."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from rich.console import Console

from builders import accelerator, edited, instance, node, offer, option, profiled, resolved, site
from gpufleet import solve
from gpufleet.report.plan_text import plan_text
from gpufleet.report.pools import base_and_burst, pool_counts
from gpufleet.report.schedule_rows import SEPARATOR, schedule_csv, schedule_rows
from gpufleet.report.schedule_text import schedule_text
from gpufleet.schema.instance import Measure
from gpufleet.schema.schedule import ScheduleRow
from gpufleet.schema.time import Period, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from gpufleet import Plan, ResolvedInstance

ONE = option("one", rates={"all": 3.0})
PERIODS = (
    Period(name="night", hours=8.0),
    Period(name="day", hours=10.0, demand_factor=3.0),
    Period(name="evening", hours=6.0, demand_factor=2.0),
)
BOUGHT = {"term": "purchase", "usd_per_hour": None, "capex_usd": 100.0, "life_years": 1.0}


def question(**changes: Any) -> ResolvedInstance:
    """3, 9 and 6 requests/s in 24 hours; a committed node for 0.50 USD/h (one is there), others for 1 USD/h."""
    fields: dict[str, Any] = {"horizon_hours": None, "horizon_days": 1.0, "periods": PERIODS, **changes}
    offers = fields.pop("offers", (offer("own", usd_per_hour=0.5, term="reserved_1y", stock=1), offer("rented")))
    return resolved(instance([profiled([ONE], 3.0)], offers, **fields))


def said(parts: Iterable[RenderableType]) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    for part in parts:
        console.print(part)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def answer(asked: ResolvedInstance) -> Plan:
    plan = solve(asked)
    assert plan.status == "optimal"
    return plan


def read(text: str) -> list[ScheduleRow]:
    """CSV back to rows."""
    rows = []
    for cells in csv.DictReader(io.StringIO(text)):
        filled: dict[str, Any] = {name: cell for name, cell in cells.items() if cell}
        for name in ("nodes", "base", "burst", "batch", "accelerators", "replicas"):
            if name in filled:
                filled[name] = int(filled[name])
        if "measures" in filled:
            filled["measures"] = tuple(filled["measures"].split(SEPARATOR))
        rows.append(ScheduleRow(**filled))
    return rows


def test_base_is_always_there_and_burst_is_rented() -> None:
    asked = question()
    rows = schedule_rows(asked, answer(asked))
    assert [(row.period, row.nodes, row.base, row.burst) for row in rows if row.kind == "nodes"] == [
        ("night", 1, 1, 0),
        ("day", 3, 1, 2),
        ("evening", 2, 1, 1),
    ]
    replicas = [row for row in rows if row.kind == "replicas"]
    assert [(row.period, row.replicas) for row in replicas] == [("night", 1), ("day", 3), ("evening", 2)]
    assert {(row.workload, row.model, row.variant, row.parallelism) for row in replicas} == {("w", None, "one", "tp1")}
    assert [row.period for row in rows] == ["night", "night", "day", "day", "evening", "evening"]


def test_rented_nodes_that_are_there_in_every_period_are_base() -> None:
    """Without committed nodes one is rented in all periods: that is base, whatever it is called on the bill."""
    asked = question(offers=(offer("rented"),))
    (counts,) = pool_counts(asked, answer(asked)).values()
    assert counts == [1, 3, 2]
    assert base_and_burst(asked, counts) == "base 1, burst up to 2 more"


def test_the_words_and_the_same_in_the_plan() -> None:
    asked = question()
    plan = answer(asked)
    text = said(schedule_text(asked, plan))
    assert "n1 at here: base 1, burst up to 2 more night: 1, day: 3, evening: 2" in text
    assert "one on n1 at here: tp1, batch 1, 1 accelerator a replica night: 1, day: 3, evening: 2" in text
    assert "pool n1 at here: base 1, burst up to 2 more" in said(plan_text(asked, plan))


def test_without_periods_there_is_one_row_per_deployment() -> None:
    asked = question(periods=())
    plan = answer(asked)
    rows = schedule_rows(asked, plan)
    assert [(row.kind, row.period, row.stage) for row in rows] == [("nodes", None, None), ("replicas", None, None)]
    assert (rows[0].nodes, rows[0].base, rows[0].burst, rows[1].replicas) == (1, 1, 0, 1)
    text = said(schedule_text(asked, plan))
    assert "n1 at here: base 1 Replicas" in text
    assert "1 all the time" in text
    assert "pool n1" not in said(plan_text(asked, plan))


def test_stages_have_a_base_each() -> None:
    """Demand doubles in the second year: 1, 3, 2 nodes, then 2, 6, 4."""
    stages = (Stage(name="2027", days=1.0), Stage(name="2028", days=1.0, demand_factor=2.0))
    twice = tuple(edited(period, hours=2 * period.hours) for period in PERIODS)
    asked = question(stages=stages, horizon_days=2.0, periods=twice)
    plan = answer(asked)
    rows = [row for row in schedule_rows(asked, plan) if row.kind == "nodes"]
    assert [(row.stage, row.period, row.nodes, row.base) for row in rows] == [
        *(("2027", name, count, 1) for name, count in (("night", 1), ("day", 3), ("evening", 2))),
        *(("2028", name, count, 2) for name, count in (("night", 2), ("day", 6), ("evening", 4))),
    ]
    words = "n1 at here: 2027: base 1, burst up to 2 more; 2028: base 2, burst up to 4 more"
    assert words in said(schedule_text(asked, plan))
    assert words in said(plan_text(asked, plan))


def test_bought_nodes_that_stay_do_not_count_as_varying() -> None:
    """Stages alone change the base, so the plan's table of nodes says it all."""
    stages = (Stage(name="2027", days=1.0), Stage(name="2028", days=1.0, demand_factor=2.0))
    asked = question(offers=(offer("own", **BOUGHT),), stages=stages, horizon_days=2.0, periods=())
    plan = answer(asked)
    (counts,) = pool_counts(asked, plan).values()
    assert counts == [1, 2]
    assert base_and_burst(asked, counts) == "2027: base 1; 2028: base 2"
    assert "pool n1" not in said(plan_text(asked, plan))


def test_spot_nodes_are_a_pool_of_their_own() -> None:
    cheap = offer("s", usd_per_hour=0.25, term="spot", interruptions_per_month=0.0)
    asked = question(offers=(offer("own", usd_per_hour=0.1, term="reserved_1y", stock=1), cheap))
    rows = schedule_rows(asked, answer(asked))
    assert {(row.kind, row.spot) for row in rows} == {
        ("nodes", None),
        ("nodes", "s"),
        ("replicas", None),
        ("replicas", "s"),
    }
    there = {row.period: row.nodes for row in rows if row.kind == "nodes" and row.spot}
    assert there == {"night": 0, "day": 2, "evening": 1}
    assert "n1 at here, spot: base 0, burst up to 2 more" in said(schedule_text(asked, answer(asked)))


def test_partitions_say_how_many_nodes_run_as_them() -> None:
    """An instance of two on a node serves 3 requests/s: 1, 3 and 2 replicas are 1, 2 and 1 nodes in halves."""
    half = accelerator("H", memory_gb=5.0)
    types = (node(), node("halves", 2, "H", partition_of="n1", power_kw=None, rack_units=None, network_gb_s=None))
    work = profiled([option("k", "halves", rates={"all": 3.0})], 3.0)
    asked = resolved(
        instance(
            [work],
            [offer()],
            horizon_hours=None,
            horizon_days=1.0,
            periods=PERIODS,
            accelerators=(accelerator(), half),
            node_types=types,
            partitions=("halves",),
        )
    )
    rows = schedule_rows(asked, answer(asked))
    halves = [(row.period, row.nodes) for row in rows if row.kind == "partition"]
    assert halves == [("night", 1), ("day", 2), ("evening", 1)]
    assert [row.nodes for row in rows if row.kind == "nodes"] == [1, 2, 1]


def test_csv_holds_the_same_rows() -> None:
    """Measures, spot offers, empty cells and all."""
    measures = tuple(
        Measure(name=name, cost_usd=0.1, workloads=("w",), throughput_factor=2.0, source="test") for name in ("m", "n")
    )
    cheap = offer("s/any +1", usd_per_hour=0.25, term="spot", interruptions_per_month=0.0, site="elsewhere")
    places = (site(), site("elsewhere", kind="public_cloud"))
    asked = question(offers=(offer("own", stock=1), cheap), measures=measures, sites=places)
    rows = schedule_rows(asked, answer(asked))
    text = schedule_csv(rows)
    assert text.splitlines()[0] == ",".join(ScheduleRow.model_fields)
    assert read(text) == list(rows)
    many = question(measures=measures)
    more = resolved(many.instance.model_copy(update={"workloads": (profiled([ONE], 300.0),)}))
    rows = schedule_rows(more, answer(more))
    assert any(row.measures == ("m", "n") for row in rows)
    assert read(schedule_csv(rows)) == list(rows)
