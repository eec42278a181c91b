"""Price lists to a plan and back, as a user does it: import, solve with terms of one's own, verify, compare."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from cli_runs import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SAMPLE = ROOT / "examples" / "prices" / "skypilot_aws.csv"
QUESTION = """\
schema_version: 1
uid: rented
title: Two requests/s on one of two nodes
horizon_days: 10
sites:
  - {name: aws, kind: public_cloud, country: US, provider: AWS, region: us-east-1}
catalog_offers:
  - {site: aws, terms: [on_demand], node_types: [aws-g5.xlarge, aws-g6.2xlarge], stock: 4}
workloads:
  - name: w
    kind: profiled
    classes: [{name: r, requests_per_s: 2}]
    options:
      - {name: a, node_type: aws-g5.xlarge, accelerators: 1, rates: {r: 2}}
      - {name: b, node_type: aws-g6.2xlarge, accelerators: 1, rates: {r: 2}}
"""
TERMS = "schema_version: 1\nsource: made up\ndiscounts:\n  - {node_types: [aws-g5.*], discount_fraction: 0.1}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a price list, a question and an overlay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPUFLEET_OVERLAY", raising=False)
    monkeypatch.delenv("GPUFLEET_LIBRARY", raising=False)
    shutil.copy(SAMPLE, tmp_path / "vms.csv")
    (tmp_path / "q.yaml").write_text(QUESTION)
    (tmp_path / "terms.yaml").write_text(TERMS)
    return tmp_path


def imported(day: str, *more: str) -> Result:
    lists = ("--out", f"lib/catalog/offers/aws_{day}.csv", "--create-node-types", "lib/catalog/node_types/aws.csv")
    return run("catalog", "import", "skypilot", "vms.csv", "--provider", "AWS", "--as-of", day, *lists, *more)


def test_from_a_price_list_to_a_verified_plan(place: Path) -> None:
    said = imported("2026-11-01")
    assert said.exit_code == 0, said.output
    assert "10 prices read, 6 taken" in said.output
    assert "2 prices skipped: no accelerator, and no CPU node type of the catalogue\n    m5.large" in said.output
    assert said.output.endswith("use them: gpufleet solve FILE --library lib\n")
    solved = run("solve", "q.yaml", "--library", "lib", "--out", "list.yaml", "--today", "2026-11-02")
    assert "234.62 USD over 10 days" in solved.output  # g6.2xlarge at 0.9776
    assert "Prices to ask for again" not in solved.output
    cheaper = run("solve", "q.yaml", "--library", "lib", "--overlay", "terms.yaml", "--out", "plan.yaml")
    assert "217.30 USD over 10 days" in cheaper.output  # g5.xlarge at nine tenths of 1.006
    assert re.search(r"on_demand +1.006 +0.9054 +10.0 % +discounts\[0\]", cheaper.output)
    plan = yaml.safe_load((place / "plan.yaml").read_text())
    assert plan["offer_prices"][0]["file"] == "catalog/offers/aws_2026-11-01.csv"
    assert plan["overlay"]["file"] == "terms.yaml"
    assert run("verify", "q.yaml", "plan.yaml", "--library", "lib", "--overlay", "terms.yaml").exit_code == 0
    without = run("verify", "q.yaml", "plan.yaml", "--library", "lib")
    assert without.exit_code == 5
    assert "give it with" in without.output


def test_old_prices_are_named_when_they_are_read(place: Path) -> None:
    imported("2026-01-01")
    late = run("solve", "q.yaml", "--library", "lib", "--today", "2026-11-01", "--out", "plan.yaml")
    assert "as of 2026-01-01, 304 days before" in late.output
    again = run("solve", "q.yaml", "--library", "lib", "--today", "2030-11-01", "--out", "again.yaml")
    assert again.exit_code == 0
    assert (place / "plan.yaml").read_bytes() == (place / "again.yaml").read_bytes()
    patient = run("solve", "q.yaml", "--library", "lib", "--today", "2026-11-01", "--max-price-age", "400")
    assert "Prices to ask for again" not in patient.output
    as_json = run("solve", "q.yaml", "--library", "lib", "--today", "2026-11-01", "--json")
    assert json.loads(as_json.stdout)["price_warnings"] == []
    assert "note: AWS/us-east-1/aws-g6.2xlarge/on_demand: as of 2026-01-01" in as_json.stderr
    planned = run("solve", "q.yaml", "--library", "lib", "--set", "planning_date=2026-11-01", "--json")
    assert json.loads(planned.stdout)["price_warnings"][0]["kind"] == "old"
    both = run("solve", "q.yaml", "--library", "lib", "--set", "planning_date=2026-11-01", "--today", "2026-11-01")
    assert both.exit_code == 2
    assert "the instance has a planning_date, 2026-11-01" in both.output


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "q.yaml"),
        ("solve", "q.yaml"),
        ("explain", "q.yaml"),
        ("whatif", "q.yaml", "--budget", "usd_per_day=10:20:5"),
        ("frontier", "q.yaml"),
        ("alternatives", "q.yaml"),
        ("breakeven", "q.yaml"),
        ("stress", "q.yaml", "--compare"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_that_reads_an_instance_takes_an_overlay(place: Path, command: tuple[str, ...]) -> None:
    imported("2026-11-01")
    (place / "wrong.yaml").write_text(TERMS.replace("aws-g5", "aws-g55"))
    said = run(*command, "--library", "lib", "--overlay", "wrong.yaml")
    assert said.exit_code == 2
    assert "wrong.yaml:4: discounts[0]: matches no offer of the instance or the catalogue" in said.output


def test_a_newer_list_and_what_changed(place: Path) -> None:
    imported("2026-11-01")
    run("solve", "q.yaml", "--library", "lib", "--out", "plan.yaml")
    (place / "vms.csv").write_text((place / "vms.csv").read_text().replace("0.9776", "0.88"))
    refused = imported("2026-12-01")
    assert refused.exit_code == 2
    assert "--archive" in refused.output
    assert "moved lib/catalog/offers/aws_2026-11-01.csv to archive/" in imported("2026-12-01", "--archive").output
    said = run("catalog", "diff", "2026-11-01", "2026-12-01", "--library", "lib", "--plan", "plan.yaml")
    assert re.search(r"aws-g6.2xlarge +on_demand +0.9776 +0.88 +-10.0 %", said.output)
    assert "234.62 to 211.20 USD over the horizon (-10.0 %)." in said.output
    rows = run("catalog", "diff", "2026-11-01", "2026-12-01", "--library", "lib", "--csv").output.splitlines()
    assert len(rows) == 2
    fields = json.loads(run("catalog", "diff", "2026-11-01", "2026-12-01", "--library", "lib", "--json").output)
    assert [change["kind"] for change in fields["changes"]] == ["changed"]


@pytest.mark.parametrize("name", ["quote.xlsx", "quote.csv"])
def test_the_form_for_quotes(place: Path, name: str) -> None:
    assert run("catalog", "template", "--out", name).exit_code == 0
    refused = run("catalog", "import", "quote", name, "--out", "lib/catalog/offers/colo.csv")
    assert refused.exit_code == 2
    assert "this is the example of the template; delete the row" in refused.output
    assert not (place / "lib").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "quote", "q.csv", "--out", "x.yaml"), "must end in .csv, as in my-library/catalog/offers/"),
        (("import", "quote", "q.csv", "--out", "x.csv", "--accelerator", "A100"), "write NAME=ACCELERATOR"),
        (("import", "quote", "none.csv", "--out", "x.csv"), "none.csv"),
        (("template", "--out", "quote.docx"), "must end in .xlsx or .csv, as in quote.xlsx"),
        (("diff", "a", "b", "--json", "--csv"), "--json and --csv do not go together"),
        (("diff", "a", "b"), "give a price file, a folder, a library or a day as 2026-11-01"),
    ],
)
def test_usage(place: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("catalog", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", "").split())


def test_rows_that_were_skipped_go_to_a_file(place: Path) -> None:
    imported("2026-11-01", "--skipped", "skipped.csv")
    lines = (place / "skipped.csv").read_text().splitlines()
    assert lines[0] == "line,provider,region,instance,accelerator,term,reason"
    assert len(lines) == 3


def test_committed_nodes_and_rules_elsewhere_are_said(place: Path) -> None:
    imported("2026-11-01")
    rules = (
        "schema_version: 1\nsource: made up\ndiscounts:\n  - {provider: GCP, discount_fraction: 0.1}\n"
        "  - {provider: AWS, discount_fraction: 0.1, valid_until: 2026-10-01}\ncommitted_nodes:\n"
        "  - {name: r7, site: aws, node_type: aws-g5.xlarge, nodes: 1, until: 2027-01-31, usd_per_hour: 0.5}\n"
    )
    (place / "terms.yaml").write_text(rules)
    (place / "q.yaml").write_text(QUESTION + "planning_date: 2026-11-01\n")
    said = " ".join(run("solve", "q.yaml", "--library", "lib", "--overlay", "terms.yaml").output.split())
    assert "committed/r7: 1 in use, paid for already" in said
    assert "Committed nodes cost 120.00 USD over the horizon, used or not; that is no part of the cost" in said
    assert "About no offer of this instance: discounts[0]." in said
    assert "Left out: discounts[1] ended on 2026-10-01, before the planning date." in said
    assert "0.00 USD over 10 days" in said
