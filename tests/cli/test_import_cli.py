"""`import`, and solving with what was imported, as a user runs them: what they print, where, and their exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml
from cli_runs import ROOT, run

import fake_aiconfigurator
from gpufleet.library.sources import aiconfigurator

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MELANGE = {
    "gpu_info": {
        "A10G": {"cost": 1.01, "tputs": [[2, 1], [5, 2]]},
        "A100-80GB": {"cost": 3.67, "tputs": [[20, 20], [40, 20]]},
    },
    "workload_distribution": [[0.2, 0.1], [0.5, 0.2]],
    "total_request_rate": 30.0,
    "slice_factor": 1,
}


def test_import_melange_writes_an_instance_whose_optimum_is_known(tmp_path: Path) -> None:
    source = tmp_path / "melange.json"
    source.write_text(json.dumps(MELANGE))
    out = tmp_path / "melange.yaml"
    result = run("import", "melange", source, "--out", out, "--accelerator", "A100-80GB=A100-SXM-80GB")
    assert result.exit_code == 0, result.stderr
    assert json.loads(run("solve", out, "--json").stdout)["certificate"]["objective_usd"] == 4.68
    assert run("import", "melange", source).stdout == out.read_text()
    bad = run("import", "melange", source, "--out", out, "--accelerator", "A100-80GB")
    assert bad.exit_code == 2


def test_import_hf_config_writes_a_card_that_a_library_can_hold(tmp_path: Path) -> None:
    sizes = {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16}
    more = {"num_key_value_heads": 8, "vocab_size": 151936, "head_dim": 128, "tie_word_embeddings": True}
    source = tmp_path / "Qwen--Qwen3-0.6B_config.json"
    source.write_text(json.dumps({"model_type": "qwen3", **sizes, **more}))
    out = tmp_path / "models" / "mine.yaml"
    out.parent.mkdir()
    result = run("import", "hf-config", source, "--name", "mine", "--as-of", "2025-04-29", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "596,049,920 parameters" in result.stderr
    assert "parameters: 596049920\n" in out.read_text()
    assert "as_of: '2025-04-29'" in run("catalog", "show", "mine", "--library", tmp_path).stdout
    assert run("import", "hf-config", source).stdout.startswith("name: qwen3-0.6b\n")
    bad = run("import", "hf-config", source, "--ignore-key", "nothing")
    assert bad.exit_code == 2
    assert "no key 'nothing' to ignore" in bad.stderr


def test_import_measurements_and_solve_with_them(tmp_path: Path) -> None:
    """From the result files of a benchmark to a plan that rests on them."""
    for streams, rate in ((1, 0.5), (32, 12.0)):
        result = {
            "completed": 500, "failed": 0, "request_rate": "inf", "max_concurrency": streams, "date": "20250619-101500",
            "total_input_tokens": 256000, "total_output_tokens": 128000, "request_throughput": rate,
            "median_ttft_ms": 50.0, "p99_ttft_ms": 400.0, "median_tpot_ms": 9.0, "p99_tpot_ms": 12.0,
        }  # fmt: skip
        (tmp_path / f"c{streams}.json").write_text(json.dumps(result))
    table = tmp_path / "table.csv"
    machine = ("--model", "llama-3.1-8b", "--variant", "fp8", "--accelerator", "L40S", "--engine", "vLLM 0.8.5")
    files = sorted(tmp_path.glob("c*.json"))
    made = run("import", "measurements", "vllm", *files, *machine, "--out", table)
    assert made.exit_code == 0, made.stderr
    assert "2 operating points" in made.stdout
    printed = run("import", "measurements", "vllm", *files, *machine)
    assert printed.stdout == table.read_text()
    fields = yaml.safe_load((ROOT / "instances/profiled/own-measurements.yaml").read_text())
    fields |= {"measurements": ["table.csv"], "measurements_policy": "only"}
    fields["workloads"][0]["classes"] = fields["workloads"][0]["classes"][:1]
    question = tmp_path / "question.yaml"
    question.write_text(yaml.safe_dump(fields))
    answer = run("solve", question)
    assert answer.exit_code == 0, answer.stderr
    assert "from vLLM 0.8.5 (table.csv:2-3); memory and bound are the model's" in answer.stdout
    assert "2 x fp8 on 1x-L40S" in answer.stdout, "0.9 x 12 = 10.8 requests/s each"
    assert max(map(len, answer.stdout.splitlines())) <= 80
    refused = run("import", "measurements", "vllm", *files, *machine[:-2])
    assert refused.exit_code == 2
    assert "--engine" in refused.stderr


def test_a_performance_source_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table from it, a plan by it that fits 80 columns, its verdict, and the message without the package."""
    fake_aiconfigurator.install(monkeypatch)
    monkeypatch.setattr(aiconfigurator, "SYSTEMS", {"L40S": "l40s"})
    table, plan = tmp_path / "table.csv", tmp_path / "plan.json"
    asked = ("--model", "llama-3.1-8b", "--variant", "fp8", "--accelerator", "L40S", "--tensor", "1,2")
    size = ("--input-tokens", "500", "--output-tokens", "250")
    made = run("import", "measurements", "aiconfigurator", *asked, *size, "--out", table)
    assert made.exit_code == 0, made.stderr
    assert ",true," in table.read_text()
    fields = yaml.safe_load((ROOT / "instances/profiled/own-measurements.yaml").read_text())
    del fields["measurements"]
    fields.pop("measurements_policy", None)
    question = tmp_path / "question.yaml"
    question.write_text(yaml.safe_dump(fields))
    source = ("--performance-source", "aiconfigurator")
    partly = run("solve", question, *source).stdout
    assert "Not covered by aiconfigurator: the performance model stands" in partly
    assert "H100-SXM-80GB: no tables for this accelerator" in partly
    fields["workloads"][0] |= {"accelerators": ["L40S"], "precisions": ["fp8"]}
    question.write_text(yaml.safe_dump(fields))
    answer = run("solve", question, *source, "--out", plan)
    assert answer.exit_code == 0, answer.stderr
    assert "modelled by aiconfigurator 0.12.0 (trtllm 1.0); memory and bound by" in answer.stdout
    assert "Not covered" not in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80
    assert run("verify", question, plan, *source).exit_code == 0
    assert run("verify", question, plan).exit_code == 5
    assert run("import", "measurements", "vllm", table, *asked).exit_code == 2
    assert run("import", "measurements", "aiconfigurator", table, *asked, *size).exit_code == 2
    fake_aiconfigurator.remove(monkeypatch)
    refused = run("solve", question, *source)
    assert refused.exit_code == 2
    assert "pip install 'gpufleet[aiconfigurator]'" in refused.stderr
