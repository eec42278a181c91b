"""The wheel and the archive of the sources: what is in them, and that they work where there is no checkout."""

from __future__ import annotations

import email
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "build", "site", "generated", "bundled"
)
DATA = ("catalog", "models", "calibration", "instances/reference", "instances/estate")
"""Folders that are inside the wheel, below `gpufleet/bundled`."""

pytestmark = pytest.mark.skipif(importlib.util.find_spec("build") is None, reason="needs build and hatchling")


def call(*words: object, folder: Path, **environment: str) -> str:
    """A program's standard output; it must end well."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source: Path, out: Path, *what: str) -> Path:
    call(sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", out, source, folder=out.parent)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy, as git would give it."""
    copy = tmp_path_factory.mktemp("checkout") / "gpufleet"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, tmp_path_factory.mktemp("built") / "wheel", "--wheel")


@pytest.fixture(scope="module")
def archive(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, tmp_path_factory.mktemp("built") / "sdist", "--sdist")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone, in a folder of its own; what it depends on is that of this environment."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    call(*pip, "--no-deps", "--no-index", "--target", target, wheel, folder=target)
    return target


def gpufleet(installed: Path, folder: Path, *words: str) -> str:
    """The installed command, outside the checkout."""
    environment = {"PYTHONPATH": str(installed), "COLUMNS": "80", "GPUFLEET_LIBRARY": ""}
    return call(sys.executable, installed / "bin" / "gpufleet", *words, folder=folder, **environment)


def content(made: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(made) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def tracked() -> list[str]:
    """Files of the repository, or of the folder where there is no git."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in content(wheel) if ".dist-info/" not in name}
    wanted = {name.removeprefix("solver/") for name in tracked() if name.startswith("solver/gpufleet/")}
    data = {f"gpufleet/bundled/{name}" for name in tracked() if name.startswith(tuple(f"{folder}/" for folder in DATA))}
    assert len(data) > 100
    assert inside == wanted | data
    assert "gpufleet/py.typed" in inside
    assert any(name.endswith(".jinja") for name in inside)


def test_the_archive_makes_the_same_wheel(archive: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
        opened.extractall(tmp_path, filter="data")
    assert {name.partition("/")[0] for name in names} <= {
        "solver", "models", "catalog", "calibration", "instances", "pyproject.toml", "PKG-INFO", "README.md",
        "CHANGELOG.md", "LICENSE", ".gitignore",
    }  # fmt: skip
    (unpacked,) = tmp_path.iterdir()
    again = build(unpacked, tmp_path.parent / "again", "--wheel")
    assert content(again) == content(wheel)


def test_the_metadata_is_complete(wheel: Path) -> None:
    files = content(wheel)
    (metadata,) = (
        email.message_from_bytes(text) for name, text in files.items() if name.endswith("dist-info/METADATA")
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (metadata["Name"], metadata["Version"]) == ("gpufleet", project["version"])
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert metadata["Description-Content-Type"] == "text/markdown"
    (licence,) = (text for name, text in files.items() if name.endswith("licenses/LICENSE"))
    assert b"Apache License" in licence
    assert b"END OF TERMS AND CONDITIONS" in licence


def test_every_extra_is_documented() -> None:
    page = (ROOT / "docs" / "installation.md").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"^\| `gpufleet\[(\w+)\]`", page, re.MULTILINE)) == set(extras)


def test_every_package_that_is_imported_is_asked_for() -> None:
    """By name: what only some other package brings along may be gone tomorrow."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [
        *project["dependencies"],
        *(entry for extra in project["optional-dependencies"].values() for entry in extra),
    ]
    asked = {re.split(r"[\[<>=]", entry)[0].lower().replace("-", "_") for entry in listed}
    modules = {"yaml": "pyyaml", "aiconfigurator_core": "aiconfigurator_core"}
    imported: set[str] = set()
    for path in (ROOT / "solver" / "gpufleet").rglob("*.py"):
        imported |= set(re.findall(r"^\s*(?:from|import) ([A-Za-z_]\w*)", _code(path), re.MULTILINE))
    outside = {
        name for name in imported - set(sys.stdlib_module_names) - {"gpufleet"} if importlib.util.find_spec(name)
    }
    assert len(outside) > 8
    assert {modules.get(name, name) for name in outside} - asked - {"pydantic_core"} == set()  # part of pydantic


def _code(path: Path) -> str:
    """Without texts in triple quotes, whose lines may begin with `from`."""
    return re.sub(r'"""(?:.|\n)*?"""', "", path.read_text(encoding="utf-8"))


def test_it_works_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert gpufleet(installed, tmp_path, "--version").split()[-1] == version
    checks = {check["name"]: check for check in json.loads(gpufleet(installed, tmp_path, "doctor", "--json"))["checks"]}
    assert checks["gpufleet"]["found"].endswith(f" at {installed / 'gpufleet'}")
    assert checks["search path"]["found"] == str(installed / "gpufleet" / "bundled")
    assert not [check for check in checks.values() if check["status"] == "fail"]
    assert {"dask", "parquet", "pipeline"} <= set(checks)
    plan = json.loads(gpufleet(installed, tmp_path, "solve", "prefix-cache", "--json"))
    assert plan["status"] == "optimal"
    assert "94 of 94 accelerators" in gpufleet(installed, tmp_path, "catalog", "list")
    assert gpufleet(installed, tmp_path, "init", "--yes").startswith("Wrote my-fleet.yaml")
    assert "my-fleet.yaml: valid" in gpufleet(installed, tmp_path, "validate", "my-fleet.yaml")
    assert "regional-bank" in gpufleet(installed, tmp_path, "examples")


def test_a_reference_case_by_name(installed: Path, tmp_path: Path) -> None:
    """Also where the comparison needs the file beside it; as in the README."""
    assert "this plan saves 80,434.32 USD (68.9 %)" in gpufleet(installed, tmp_path, "solve", "bank-assistant")


def test_the_installed_package_is_small() -> None:
    """Guards against data that got in by mistake."""
    assert sum((ROOT / name).stat().st_size for name in tracked() if name.startswith(("solver/", *DATA))) < 8e6
