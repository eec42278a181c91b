"""`schedule`, and `verify` of plans over periods, as a user runs them: what they print, where, and their exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from cli_runs import BANK, ROOT, edited, run

from gpufleet import load_instance, load_plan, verify

if TYPE_CHECKING:
    from pathlib import Path

DAY_AND_NIGHT = ROOT / "instances" / "estate" / "day-and-night.yaml"


@pytest.fixture(scope="module")
def day_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of a day with 24 hours; what `solve` printed stands beside it."""
    out = tmp_path_factory.mktemp("day") / "plan.yaml"
    solved = run("solve", DAY_AND_NIGHT, "--out", out)
    assert solved.exit_code == 0
    out.with_name("printed.txt").write_text(solved.stdout)
    return out


def test_verify_says_in_one_line_when_a_deployment_runs(day_plan: Path) -> None:
    """46 deployments over 24 hours are four forms; figures are the highest of them."""
    plan = load_plan(day_plan)
    assert len(plan.deployments) > 40
    result = run("verify", DAY_AND_NIGHT, day_plan)
    assert max(map(len, result.stdout.splitlines())) <= 80
    said = " ".join(result.stdout.split())
    assert said.count(" x chat on ") + said.count(" x fine-tuning on ") == 4
    assert said.count("replicas: ") == 4
    loads = verify(load_instance(DAY_AND_NIGHT), plan).utilisation
    rented = [loads[i] for i, d in enumerate(plan.deployments) if d.node_type == "aws-p4d.24xlarge"]
    assert f"up to 1 x chat on aws-p4d.24xlarge: utilisation up to {max(rented) * 100:.1f} %" in said
    assert "replicas: 00h to 09h: 0, 10h to 12h: 1, 13h: 0, 14h to 17h: 1, 18h to 23h: 0" in said


def test_verify_of_a_plan_with_a_period_that_does_not_exist(tmp_path: Path, day_plan: Path) -> None:
    fields = yaml.safe_load(day_plan.read_text())
    fields["deployments"][0] |= {"period": "24h"}
    fields["deployments"][1] |= {"stage": "2030"}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(fields))
    result = run("verify", DAY_AND_NIGHT, wrong)
    assert result.exit_code == 5
    assert "the instance has no period 24h" in " ".join(result.stdout.split())
    assert "the instance has no stage 2030" in " ".join(result.stdout.split())


def test_schedule_prints_text_csv_and_json(day_plan: Path) -> None:
    shown = run("schedule", DAY_AND_NIGHT, day_plan)
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "aws-p4d.24xlarge at aws-us-east-1: base 0, burst up to 1 more" in shown.stdout
    assert "dgx-a100-640gb at own: base 2" in shown.stdout
    rows = json.loads(run("schedule", DAY_AND_NIGHT, day_plan, "--json").stdout)
    # 24 periods of 3 pools and 4 deployments
    assert len(rows) == 24 * 7
    at_ten = [row for row in rows if row["period"] == "10h" and row["node_type"] == "aws-p4d.24xlarge"]
    assert [(row["kind"], row.get("burst"), row.get("replicas")) for row in at_ten] == [
        ("nodes", 1, None),
        ("replicas", None, 1),
    ]
    lines = run("schedule", DAY_AND_NIGHT, day_plan, "--csv").stdout.splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[0].startswith("kind,stage,period,site,node_type")
    assert "base 0, burst up to 1 more" in " ".join(day_plan.with_name("printed.txt").read_text().split())


def test_schedule_refuses_what_cannot_be_relied_on(tmp_path: Path, day_plan: Path) -> None:
    fields = yaml.safe_load(day_plan.read_text())
    fields["nodes"][0]["count"] -= 1
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(fields))
    refused = run("schedule", DAY_AND_NIGHT, broken)
    assert refused.exit_code == 5
    assert "packing" in refused.stderr
    assert refused.stdout == ""
    poor = edited(tmp_path, BANK, budgets={"usd_per_day": 50})
    nothing = tmp_path / "nothing.json"
    run("solve", poor, "--out", nothing)
    none = run("schedule", poor, nothing)
    assert none.exit_code == 3
    assert "no fleet to schedule (infeasible" in none.stderr
    both = run("schedule", DAY_AND_NIGHT, day_plan, "--json", "--csv")
    assert both.exit_code == 2
