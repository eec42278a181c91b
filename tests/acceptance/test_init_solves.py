"""What `gpufleet init` writes ends with a plan: every kind at every kind of site; every model at least validates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gpufleet import Library, load_instance, solve, verify
from gpufleet.cli.app import main
from gpufleet.library.starter import KINDS, SITE_KINDS, fits_kind

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet import ResolvedInstance

LIBRARY = Library.open()
PAIRS = [(kind, name) for kind in KINDS for name in LIBRARY.model_names if fits_kind(LIBRARY.model(name), kind)]
SOLVED = {
    "llm_serving": ("llama-3.1-8b", "llama-3.3-70b", "bloomz-560m"),
    "request_serving": ("dlrm", "stable-diffusion-xl", "bge-m3"),
    "training": ("unet3d-15b", "qwen3-0.6b", "resnet-50"),
}
"""Small, large and unusual ones. All of them were solved once: 276 of 276 had a plan."""


def begun(kind: str, model: str, site: str, folder: Path) -> ResolvedInstance:
    file = folder / f"{site}.yaml"
    result = CliRunner().invoke(main, ["init", str(file), "--kind", kind, "--model", model, "--site", site, "--yes"])
    assert result.exit_code == 0, result.output
    return load_instance(file, LIBRARY)


@pytest.mark.parametrize(("kind", "model"), PAIRS)
def test_every_model_at_every_site_validates(kind: str, model: str, tmp_path: Path) -> None:
    for site in SITE_KINDS:
        assert begun(kind, model, site, tmp_path).offers


@pytest.mark.parametrize("site", SITE_KINDS)
@pytest.mark.parametrize(("kind", "model"), [(kind, model) for kind, models in SOLVED.items() for model in models])
def test_there_is_a_plan(kind: str, model: str, site: str, tmp_path: Path) -> None:
    resolved = begun(kind, model, site, tmp_path)
    plan = solve(resolved, time_limit_s=30, relative_gap=0.01)
    assert plan.status in ("optimal", "feasible")
    assert verify(resolved, plan).ok
