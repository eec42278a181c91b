"""What the tests of the commands share."""

from __future__ import annotations

from pathlib import Path

import yaml
from click.testing import CliRunner, Result

from gpufleet.cli.app import main

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "instances" / "reference"
BANK = REFERENCE / "bank-assistant.yaml"
TWO_SITES = ROOT / "instances" / "estate" / "two-sites.yaml"


def run(*arguments: object) -> Result:
    """A command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def edited(tmp_path: Path, source: Path, **changes: object) -> Path:
    """A copy of an instance with top-level fields replaced, and without its baseline."""
    fields = {**yaml.safe_load(source.read_text()), **changes}
    fields.pop("baseline_plan", None)
    target = tmp_path / source.name
    target.write_text(yaml.safe_dump(fields, sort_keys=False))
    return target
