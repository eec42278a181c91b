"""`gpufleet export` on the command line: what it writes, and what it refuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import yaml
from cli_runs import TWO_SITES, run


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.yaml"
    assert run("solve", TWO_SITES, "--out", path).exit_code == 0
    return path


def test_tables_replace_an_earlier_export_but_nothing_else(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    for form in ("csv", "parquet"):
        result = run("export", TWO_SITES, plan, "--format", form, "--out", out)
        assert result.exit_code == 0, result.stderr
        assert (out / f"costs.{form}").is_file()
    assert not (out / "costs.csv").exists()
    (out / "mine.txt").write_text("mine")
    refused = run("export", TWO_SITES, plan, "--format", "csv", "--out", out)
    assert refused.exit_code == 2
    assert "holds mine.txt, which no export wrote" in refused.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["tables"]


def test_programs_are_compressed_by_suffix_and_the_same_every_time(plan: Path, tmp_path: Path) -> None:
    for name in ("a.lp.gz", "b.lp.gz", "c.lp"):
        assert run("export", TWO_SITES, plan, "--format", "lp", "--out", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.lp.gz").read_bytes() == (tmp_path / "b.lp.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.lp.gz").read_bytes()) == (tmp_path / "c.lp").read_bytes()
    assert {"c.variables.csv", "c.mst"} <= {entry.name for entry in tmp_path.iterdir()}


def test_manifests_are_written_with_their_settings(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "k8s"
    options = ("--namespace", "serving", "--image", "other=registry.local/server:2", "--site", "dublin", "--validate")
    result = run("export", TWO_SITES, plan, "--format", "kubernetes", "--out", out, *options)
    assert result.exit_code == 0, result.stderr
    assert "keep the schemas of Kubernetes" in result.stdout
    assert "warning: " in result.stderr
    names = yaml.safe_load((out / "kustomization.yaml").read_text())["resources"]
    assert all((out / name).is_file() for name in names)
    assert "registry.local/server" in (out / "kustomization.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "csv", "--out", "x"), "is about a plan; write one with: gpufleet solve"),
        (("--format", "lp", "--out", "x.mps"), "must end with .lp or .lp.gz, as in model.lp"),
        (("--format", "csv", "--out", "x", "--exact"), "--exact belongs to --format lp and mps"),
        (("--format", "lp", "--out", "x.lp", "--site", "dublin"), "--site belongs to --format kubernetes"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: tuple[str, ...], said: str) -> None:
    result = run("export", TWO_SITES, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--namespace", "My Cluster", "lower-case letters, digits and hyphens"),
        ("--image", "vlm=x", "KEY one of vllm, vllm-rocm"),
        ("--timezone", "Mars/Olympus", "is no IANA time zone such as Europe/Berlin"),
        ("--clock", "night=22:00-06:00", "the instance has no period 'night'; it has none"),
        ("--site", "paris", "the instance has no site 'paris'; it has frankfurt, dublin"),
        ("--stage", "2028", "the instance has no stage '2028'"),
    ],
)
def test_settings_of_the_cluster_are_checked(plan: Path, tmp_path: Path, option: str, value: str, said: str) -> None:
    out = tmp_path / "k8s"
    result = run("export", TWO_SITES, plan, "--format", "kubernetes", "--out", out, option, value)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not out.exists()


def test_the_folder_one_stands_in_is_not_replaced(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("export", TWO_SITES, plan, "--format", "csv", "--out", ".")
    assert result.exit_code == 2
    assert "is the folder you are in; give one of its own" in result.stderr
    assert run("export", TWO_SITES, plan, "--format", "csv", "--out", "mine/tables/").exit_code == 0
    assert Path("mine/tables/costs.csv").is_file()


def test_a_plan_that_breaks_a_rule_is_refused(plan: Path, tmp_path: Path) -> None:
    result = run("export", TWO_SITES, plan, "--format", "csv", "--out", tmp_path / "x", "--scale", "demand=3")
    assert result.exit_code == 5
    assert "gpufleet verify says where" in result.stderr
    assert not (tmp_path / "x").exists()
