"""`gpufleet init`: what it writes is valid and commented, it asks nothing twice, and leaves no half file."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from cli_runs import run
from click.testing import CliRunner

from gpufleet import load_instance
from gpufleet.cli.app import main
from gpufleet.cli.init_questions import QUESTIONS
from gpufleet.library import Library
from gpufleet.library.parsers import parse_yaml
from gpufleet.library.starter import KINDS, SITE_KINDS, country_of, fits_kind, regions_of
from gpufleet.library.writer import scalar_text

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {"llm_serving": "llama-3.1-8b", "request_serving": "dlrm", "training": "unet3d-15b"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("site", SITE_KINDS)
@pytest.mark.parametrize(("kind", "model"), MODELS.items())
def test_what_is_written_is_valid(kind: str, model: str, site: str, tmp_path: Path) -> None:
    """`tests/acceptance/test_init_solves.py` does it for every model, and solves."""
    result = run("init", "mine.yaml", "--kind", kind, "--model", model, "--site", site, "--yes")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "mine.yaml").read_text()
    asked = load_instance("mine.yaml").instance
    assert (asked.workloads[0].kind, asked.sites[0].kind) == (kind, site)
    assert max(map(len, text.splitlines())) <= 120
    assert result.stdout.splitlines()[-2:] == [
        "  gpufleet validate mine.yaml",
        "  gpufleet solve mine.yaml --out mine-plan.yaml",
    ]


def test_every_field_has_a_comment(tmp_path: Path) -> None:
    """Above it, or above the list that it stands in; names say themselves what they are."""
    for site in SITE_KINDS:
        assert run("init", f"{site}.yaml", "--site", site, "--yes").exit_code == 0
        lines = (tmp_path / f"{site}.yaml").read_text().splitlines()
        bare = [
            line
            for before, line in itertools.pairwise(lines)
            if ":" in line and not line.lstrip().startswith(("#", "- ")) and not before.lstrip().startswith("#")
        ]
        said = {line.split(":")[0].strip() for line in bare}
        assert said <= {
            "title", "region", "percentile", "site", "node_type", "term", "usd_per_hour", "stock", "assumed", "source",
        }, said  # fmt: skip


def test_options_stand_in_the_file_and_defaults_are_marked(tmp_path: Path) -> None:
    options = {
        "--model": "llama-3.1-8b", "--requests-per-s": 7.5, "--input-tokens": 900, "--output-tokens": 100,
        "--ttft-ms": 1200, "--site": "public_cloud", "--provider": "GCP", "--region": "europe-west4",
        "--budget-usd-per-day": 321, "--horizon-days": 30, "--accuracy": "mmlu=65",
    }  # fmt: skip
    result = run("init", "mine.yaml", "--yes", *(word for pair in options.items() for word in pair))
    assert result.exit_code == 0, result.output
    fields = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    (workload,), (site,) = fields["workloads"], fields["sites"]
    assert workload["classes"] == [
        {"name": "typical", "input_tokens": 900, "output_tokens": 100, "requests_per_s": 7.5}
    ]
    assert [bound["limit_ms"] for bound in workload["slo"]] == [1200, 50]
    assert workload["accuracy"] == [{"metric": "mmlu", "at_least": 65}]
    assert (site["provider"], site["region"], site["country"]) == ("GCP", "europe-west4", "NL")
    assert (fields["horizon_days"], fields["budgets"]) == (30, {"usd_per_day": 321})
    assert fields["catalog_offers"][0]["terms"] == ["on_demand", "reserved_1y", "reserved_3y"]
    marked = (tmp_path / "mine.yaml").read_text().count("(ASSUMED)")
    assert marked == 3  # country, tpot_ms and stock
    assert "Defaults were taken for: country, kind, tpot_ms." in result.stdout


def test_nothing_is_asked_twice_and_nothing_that_was_said() -> None:
    answers = ["resnet-51", "resnet-50", "500", "", "80", "none", "on_prem", "germany", "de", "", "none"]
    result = CliRunner().invoke(
        main, ["init", "mine.yaml", "--kind", "request_serving"], input="\n".join(answers) + "\n"
    )
    assert result.exit_code == 0, result.output
    assert "unknown model 'resnet-51'; did you mean resnet-50?" in result.output
    assert "'germany' is no country code of two letters (ISO 3166-1), e.g. DE" in result.output
    assert "What must the fleet do" not in result.output
    for question in QUESTIONS:
        wrong = {"model": 2, "country": 2}.get(question.name, 1)
        is_asked = question.kinds != ("llm_serving",) and question.kinds != ("training",) and question.name != "kind"
        is_asked = is_asked and question.name not in ("provider", "region")
        assert result.output.count(question.text) == (wrong if is_asked else 0), question.name
    asked = load_instance("mine.yaml").instance
    assert (asked.sites[0].country, asked.workloads[0].classes[0].requests_per_s) == ("DE", 500)
    assert "Defaults were taken" not in result.output


@pytest.mark.parametrize("typed", ["", "llm_serving\nllama-3.1-8b\n12\n"])
def test_an_end_in_the_middle_leaves_nothing(typed: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["init", "mine.yaml"], input=typed)
    assert result.exit_code == 130
    assert "nothing was written; --yes takes the default of every question" in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click, "prompt", interrupted)
    assert run("init", "mine.yaml").exit_code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "lama-3.1-8b"), "--model: unknown model 'lama-3.1-8b'; did you mean llama-3.1-8b?"),
        (("--model", "resnet-50"), "'resnet-50' goes with --kind request_serving or training"),
        (("--kind", "training", "--ttft-ms", "9"), "--ttft-ms goes with --kind llm_serving"),
        (("--site", "on_prem", "--provider", "AWS"), "--provider goes with --site public_cloud"),
        (("--provider", "AWZ"), "unknown provider 'AWZ'; did you mean AWS?"),
        (("--provider", "AWS", "--region", "eu-centrl-1"), "did you mean eu-central-1?"),
        (("--accuracy", "mmul=60"), "unknown metric 'mmul'; did you mean mmlu?"),
        (("--accuracy", "mmlu=high"), "--accuracy: 'high' is not a valid"),
        (("--input-tokens", "200000"), "--input-tokens: 200000 is not in the range"),
        (("--requests-per-s", "0"), "--requests-per-s: 0.0 is not in the range"),
        (("--country", "Germany"), "--country: 'Germany' is no country code"),
        (("--budget-usd-per-day", "lots"), "--budget-usd-per-day: 'lots' is not a valid"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = run("init", "mine.yaml", "--yes", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("mine")
    refused = run("init", "mine.yaml", "--yes")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert mine.read_text() == "mine"
    assert run("init", "mine.yaml", "--yes", "--force").exit_code == 0
    assert load_instance(mine).offers
    for name, said in (("mine.json", "must end in .yaml or .yml"), ("no/mine.yaml", "does not exist")):
        assert said in run("init", name, "--yes").stderr


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    """Whose name YAML would take for a number; the next commands name the library too."""
    (tmp_path / "lib" / "models").mkdir(parents=True)
    card = (
        (Library.open().roots[-1] / "models" / "resnet-50.yaml")
        .read_text()
        .replace("name: resnet-50", "name: '1e5'", 1)
    )
    (tmp_path / "lib" / "models" / "1e5.yaml").write_text(card)
    result = run("init", "mine.yaml", "--kind", "request_serving", "--model", "1e5", "--library", "lib", "--yes")
    assert result.exit_code == 0, result.output
    assert "  gpufleet validate mine.yaml --library lib" in result.stdout
    assert run("validate", "mine.yaml", "--library", "lib").exit_code == 0


@pytest.mark.parametrize("text", ["no", "1e5", "null", "a: b", "x, y", "# x", "'", '"', "[x]", "~", "-", "a\nb"])
def test_texts_come_back_from_brackets(text: str) -> None:
    root = parse_yaml(f"key: [{scalar_text(text)}]\n").root
    assert root is not None
    assert root.value == {"key": [text]}


def test_every_region_of_the_catalogue_has_a_country() -> None:
    """Not the default that stands for unknown ones."""
    library = Library.open()
    abroad = {
        (offer.provider, offer.region): country_of(offer.provider, offer.region)
        for offer in library.offers.values()
        if not offer.region.startswith(("us", "eastus", "any"))
    }
    assert abroad[("AWS", "eu-central-1")] == "DE"
    assert abroad[("Nebius", "eu-north1")] == "FI"
    assert "US" not in abroad.values()
    assert regions_of(library, "AWS")[0] == "us-east-1"


def test_every_model_fits_a_kind() -> None:
    library = Library.open()
    assert not [name for name in library.model_names if not any(fits_kind(library.model(name), kind) for kind in KINDS)]
