"""Traces in the format of the public Azure LLM inference traces become request classes and hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gpufleet import load_instance
from gpufleet.cli.app import main
from gpufleet.errors import InputError
from gpufleet.library import read_trace, with_trace

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
INSTANCE = """
schema_version: 1
uid: traced
title: Chat from a trace
horizon_days: 30
sites: [{name: aws, kind: public_cloud, country: US, provider: AWS, region: us-east-1}]
catalog_offers: [{site: aws, terms: [on_demand], accelerators: [L40S]}]
workloads:
  - name: chat
    kind: llm_serving
    model: llama-3.1-8b
    classes: [{name: any, input_tokens: 10, output_tokens: 10, requests_per_s: 1}]
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(INSTANCE)
    return path


def write(path: Path, *minutes: tuple[str, int], tokens: str = "100,20") -> Path:
    """A trace with so many requests, spread over each of the given minutes."""
    rows = [f"2023-11-16 {minute}:{n % 60:02d}.1234567,{tokens}" for minute, count in minutes for n in range(count)]
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


def test_classes_have_mean_sizes_and_their_share_of_the_rate(tmp_path: Path, base: Path) -> None:
    trace = tmp_path / "trace.csv"
    rows = ["100,20"] * 6 + ["201,41"] * 3 + ["5000,300"] * 3
    trace.write_text(HEADER + "".join(f"2023-11-16 18:15:{n:02d}.4680590,{row}\n" for n, row in enumerate(rows)))
    changed = with_trace(load_instance(base).instance, "chat", read_trace(trace), scale=10.0)
    classes = changed.workloads[0].classes  # type: ignore[union-attr]
    # 12 requests in one minute are 0.2/s, times 10; 9 of them are small: (6 x 100 + 3 x 201) / 9 = 133.7
    assert [(c.name, c.input_tokens, c.output_tokens, c.requests_per_s) for c in classes] == [
        ("in-to256-out-to64", 134, 27, 1.5),
        ("in-over4096-out-over256", 5000, 300, 0.5),
    ]
    assert changed.periods == ()


def test_hours_become_periods_at_a_percentile_of_their_minutes(tmp_path: Path, base: Path) -> None:
    busy = [(f"09:{minute:02d}", 60 if minute < 19 else 600) for minute in range(20)]
    trace = write(tmp_path / "trace.csv", *busy, ("23:10", 15))
    instance = load_instance(base).instance
    requests = read_trace(trace)
    # 19 of 20 minutes hold 60 requests (1/s), one holds 600
    usual = with_trace(instance, "chat", requests, percentile=95.0)
    assert [(p.name, p.hours, p.demand_factor) for p in usual.periods] == [("09h", 360.0, 1.0), ("23h", 360.0, 0.25)]
    assert usual.workloads[0].classes[0].requests_per_s == 1.0  # type: ignore[union-attr]
    worst = with_trace(instance, "chat", requests, percentile=100.0)
    assert worst.workloads[0].classes[0].requests_per_s == 10.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "empty"),
        ("a,b\n1,2\n", 1, "no column TIMESTAMP"),
        (HEADER, 1, "no requests"),
        (HEADER + "yesterday,1,2\n", 2, "not a request"),
        (HEADER + "2023-11-16 18:15:46,1,2\n2023-11-16 18:15:46,0,2\n", 3, "not a request"),
        (HEADER + "2023-11-16 18:15:46,1\n", 2, "not a request"),
        (HEADER + "2023-11-16 18:15:46,1,-2\n", 2, "not a request"),
    ],
)
def test_bad_rows_are_named_with_their_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(text)
    with pytest.raises(InputError) as error:
        read_trace(trace)
    assert error.value.problems[0].line == line
    assert words in error.value.problems[0].message


def test_command_writes_an_instance_that_loads(tmp_path: Path, base: Path) -> None:
    trace = write(tmp_path / "trace.csv", ("09:00", 120), ("10:00", 30))
    out = tmp_path / "out.yaml"
    arguments = ["import", "trace", str(trace), "--into", str(base), "--workload", "chat", "--out", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.stderr
    assert "150 requests over 2 hours" in result.stderr
    written = load_instance(out).instance
    assert [period.demand_factor for period in written.periods] == [1.0, 0.25]
    wrong = CliRunner().invoke(main, [*arguments[:-3], "talk", "--out", str(out)])
    assert wrong.exit_code == 2
    assert "no llm_serving workload talk; it has chat" in wrong.stderr
    again = CliRunner().invoke(main, ["import", "trace", str(trace), "--into", str(out), *arguments[5:]])
    assert again.exit_code == 2
    assert "has periods already" in again.stderr
