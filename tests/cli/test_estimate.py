"""`gpufleet estimate` as a user runs it: tables at 80 and 120 columns, JSON, CSV, pictures, exit codes."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from gpufleet import Library, estimate_options
from gpufleet.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet import EstimateResult

LLAMA = ("llama-3.1-70b", "H100-SXM-80GB", "--variant", "fp8", "--tensor", "2,4", "--pipeline", "1")
BERT = ("bert-large", "T4", "--slo", "e2e:p99:100ms", "--tensor", "1", "--pipeline", "1")
GPT = ("gpt-3-175b", "H100-SXM-80GB", "--train")
PNG = b"\x89PNG\r\n\x1a\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["estimate", *map(str, arguments)])


@pytest.fixture(scope="module")
def asked() -> dict[str, EstimateResult]:
    """What the commands ask, by the Python function."""
    library = Library.open()
    one: dict[str, Any] = {"pipeline": [1], "library": library}
    return {
        "llama": estimate_options("llama-3.1-70b", "H100-SXM-80GB", variants=["fp8"], tensor=[2, 4], **one),
        "bert": estimate_options("bert-large", "T4", slo=["e2e:p99:100ms"], tensor=[1], **one),
        "gpt": estimate_options("gpt-3-175b", "H100-SXM-80GB", train=True, library=library),
    }


def three(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def lines_of(result: Result) -> list[str]:
    """With single spaces, since widths follow the figures."""
    return [re.sub(r"\s+", " ", line).strip() for line in result.stdout.splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_serving_tables(width: int, asked: dict[str, EstimateResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for command, name, unit in ((LLAMA, "llama", "tokens/s"), (BERT, "bert", "items/s")):
        printed = run(*command)
        assert printed.exit_code == 0, printed.output
        assert max(map(len, printed.stdout.splitlines())) <= width
        shown = lines_of(printed)
        assert f"# option batch req/s satur. {unit} per acc. bottleneck" in shown
        for number, option in enumerate(asked[name].options, 1):
            serving, label = option.serving, f"{number} {option.variant} {option.parallelism.label}"
            assert serving is not None
            rates = (serving.requests_per_s, serving.saturation_requests_per_s, serving.throughput_per_s)
            figures = (*rates, serving.throughput_per_accelerator_per_s)
            start = f"{label} {option.batch} {' '.join(map(three, figures))} "
            assert any(line.startswith(start) for line in shown), start
            latencies = (serving.concurrency, *(one.predicted_ms for one in serving.latencies))
            assert f"{label} {' '.join(map(three, latencies))}" in shown
            parts = [*option.memory_parts_gb.values(), option.memory_gb, option.memory_limit_gb]
            assert f"{label} {' '.join(f'{part:.1f}' for part in parts)}" in shown


def test_the_limit_stands_below_the_latencies() -> None:
    shown = lines_of(run(*BERT))
    assert "# option per batch e2e p50 e2e p95 e2e p99" in shown
    assert "limit 100" in shown
    assert "tf32, fp8" not in shown
    assert "tf32: tf32 arithmetic is not supported" in shown


@pytest.mark.parametrize("width", [80, 120])
def test_training_tables(width: int, asked: dict[str, EstimateResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    printed = run(*GPT, "--explain")
    assert printed.exit_code == 0
    assert max(map(len, printed.stdout.splitlines())) <= width
    shown, answer = lines_of(printed), asked["gpt"]
    assert "# option accelerators micro-batch days bottleneck" in shown
    for number, option in enumerate(answer.options, 1):
        training, shape = option.training, f"{option.variant} {option.parallelism.label} {option.accelerators}"
        assert training is not None
        assert any(line.startswith(f"{number} {shape} {option.batch} {three(training.days)} ") for line in shown)
        figures = (training.step_s, training.throughput_per_s, training.throughput_per_accelerator_per_s)
        start = f"{number} {' '.join(map(three, figures))} {training.mfu * 100:.1f} % "
        assert any(line.startswith(start) for line in shown), start
    for part in ("arithmetic", "tensor-parallel exchange", "pipeline bubble", "optimizer", "whole step"):
        assert any(line.startswith(part) for line in shown)
    assert any("made by awq, which cannot be trained" in line for line in shown)


def test_explain_names_every_part(asked: dict[str, EstimateResult]) -> None:
    shown = lines_of(run(*LLAMA, "--explain"))
    best = asked["llama"].options[0].parts_s["decoding"]
    assert "part decoding, ms share with a prompt, ms share" in shown
    names = ("matrix products", "weights", "attention", "elementwise", "exchange", "overhead")
    assert len(best) == len(names)
    for name, seconds in zip(names, best.values(), strict=True):
        assert any(line.startswith(f"{name} {seconds * 1000:.4g} ") for line in shown), name


def test_json_and_csv_hold_every_option(asked: dict[str, EstimateResult], tmp_path: Path) -> None:
    table = tmp_path / "options.csv"
    printed = run(*LLAMA, "--json", "--csv", table, "--top", 1)
    answer = asked["llama"]
    assert json.loads(printed.stdout) == json.loads(answer.model_dump_json(exclude_none=True))
    schema = CliRunner().invoke(main, ["schema", "estimate"])
    Draft202012Validator(json.loads(schema.stdout)).validate(json.loads(printed.stdout))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["parallelism"] for row in rows] == [option.parallelism.label for option in answer.options]
    assert float(rows[0]["ttft_p95_ms"]) == pytest.approx(answer.to_frame()["ttft_p95_ms"][0])


def texts(path: Path) -> str:
    """What stands in an SVG, in one text."""
    return " ".join("".join(part.itertext()) for part in ElementTree.fromstring(path.read_text()).iter())


def test_a_picture_of_serving_has_labelled_axes_and_limits(tmp_path: Path) -> None:
    picture = tmp_path / "curves.svg"
    printed = run(*LLAMA, "--slo", "ttft:p95:2000ms", "--plot", picture)
    assert printed.exit_code == 0
    found = texts(picture)
    for label in (
        "concurrency, sequences in service per replica",
        "output tokens/s per replica",
        "TTFT, ms",
        "TPOT, ms",
    ):
        assert label in found
    for word in ("SLO p95: 2,000 ms", "fp8 tp2", "fp8 tp4", "p50", "p95", "highest rate inside the limits"):
        assert word in found
    again = tmp_path / "again.svg"
    run(*LLAMA, "--slo", "ttft:p95:2000ms", "--plot", again)
    assert again.read_bytes() == picture.read_bytes()


def test_a_picture_of_requests_and_of_training(tmp_path: Path) -> None:
    run(*BERT, "--plot", tmp_path / "requests.svg")
    found = texts(tmp_path / "requests.svg")
    assert all(word in found for word in ("offered rate, requests/s per replica", "requests per batch", "latency, ms"))
    run(*GPT, "--plot", tmp_path / "training.svg")
    found = texts(tmp_path / "training.svg")
    assert all(word in found for word in ("time of an optimizer step, s", "arithmetic", "pipeline bubble", "MFU"))


def test_other_forms_of_pictures(tmp_path: Path) -> None:
    run(*BERT, "--plot", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)
    run(*GPT, "--plot", tmp_path / "steps.pdf")
    assert (tmp_path / "steps.pdf").read_bytes().startswith(b"%PDF-")


def test_nothing_runs_is_an_answer_with_reasons(tmp_path: Path) -> None:
    picture = tmp_path / "none.png"
    printed = run("llama-3.1-70b", "T4", "--tensor", 1, "--pipeline", 1, "--plot", picture)
    assert printed.exit_code == 3
    assert "NOTHING RUNS" in printed.stdout
    assert "GB more than" in " ".join(lines_of(printed))
    assert "nothing to draw" in printed.stderr
    assert not picture.exists()


def test_what_is_wrong_is_listed(tmp_path: Path) -> None:
    printed = run("bert-larg", "T5", "--engine", "none")
    assert printed.exit_code == 2
    assert len(printed.stderr.partition("Next: ")[0].splitlines()) == 3
    assert "did you mean bert-large?" in printed.stderr
    assert run(*BERT, "--plot", tmp_path / "curves.gif").exit_code == 2
    assert "write them as in 1,2,4" in run("bert-large", "T4", "--tensor", "1;2").stderr
    nowhere = run(*BERT, "--csv", tmp_path / "missing" / "options.csv")
    assert nowhere.exit_code == 2
    assert "does not exist" in nowhere.stderr


def test_no_picture_no_matplotlib() -> None:
    """Drawing takes longer to import than an estimate takes."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom gpufleet.cli.app import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "assert not {'matplotlib', 'pandas', 'numpy', 'pydantic', 'scipy'} & set(sys.modules)\n"
        "result = CliRunner().invoke(main, ['estimate', 'bert-large', 'T4', '--tensor', '1', '--json'])\n"
        "assert result.exit_code == 0\nassert not {'matplotlib', 'pandas', 'ortools'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
