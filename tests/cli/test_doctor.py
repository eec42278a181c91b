"""`gpufleet doctor`: what is broken is found, said with its remedy, and ends with exit code 6."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from cli_runs import run

from gpufleet.cli import checks_of_packages, checks_of_work
from gpufleet.errors import MissingBackendError
from gpufleet.optimize.backends import mathopt_here, mathopt_highs, registry
from gpufleet.report.checkup_text import Check, checkup_text, is_fit

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED = [
    "click>=8.1",
    "numpy>=99",
    "no-such-package>=1",
    'pyarrow>=1; extra == "parquet"',
    'gone>=2; extra == "dask"',
]


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: REQUIRED)


def test_this_installation_is_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathopt_highs, "solve_apart", mathopt_here.solve_here)
    monkeypatch.setenv("COLUMNS", "80")
    result = run("doctor", "--json")
    said = json.loads(result.stdout)
    broken = [check for check in said["checks"] if check["status"] == "fail"]
    assert (result.exit_code, said["ok"], broken) == (0, True, [])
    names = {check["name"] for check in said["checks"]}
    assert names >= {"Python", "CP-SAT", "HiGHS", "CBC", "compiled code", "catalogue", "prices", "solve and verify"}


@pytest.mark.usefixtures("asked_for")
def test_versions_are_compared_with_what_is_asked_for() -> None:
    found = by_name(list(checks_of_packages.check_packages()))
    assert found["dependencies"].found.startswith("1 of 3 ")
    assert found["numpy"].found.endswith(", outside >=99")
    assert found["no-such-package"] == Check(
        "installation", "no-such-package", "fail", "not installed", 'pip install "no-such-package>=1"'
    )
    assert "click" not in found


@pytest.mark.usefixtures("asked_for")
def test_extras_are_off_and_not_broken() -> None:
    found = by_name(list(checks_of_packages.check_extras()))
    assert found["parquet"].status == "ok"
    assert (found["dask"].status, found["dask"].remedy) == ("off", 'pip install "gpufleet[dask]"')
    assert is_fit(list(found.values()))


def test_another_highs_is_worth_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.7.2" if name == "highspy" else real(name))
    check = by_name(list(checks_of_packages.check_packages()))["highspy"]
    assert check.status == "warn"
    assert "pip uninstall highspy" in check.remedy


def test_a_solver_that_is_missing_or_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[[str], object] = registry.backend

    def broken(name: str) -> object:
        if name == "pulp":
            raise MissingBackendError("PuLP comes without its CBC solver here")
        if name == "highs":
            raise ImportError("undefined symbol")
        return real(name)

    monkeypatch.setattr(registry, "backend", broken)
    found = by_name(list(checks_of_work.check_solvers()))
    assert [found[name].status for name in ("CP-SAT", "HiGHS", "CBC")] == ["ok", "fail", "fail"]
    assert found["HiGHS"].found == "ImportError: undefined symbol"
    assert "pip install --force-reinstall pulp" in found["CBC"].remedy


def test_a_wrong_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    model = checks_of_work._two_variables()
    model.objective = {0: 1, 1: 1}
    monkeypatch.setattr(checks_of_work, "_two_variables", lambda: model)
    monkeypatch.setattr(checks_of_work, "SOLVERS", {"cpsat": ("CP-SAT", "")})
    assert "where the optimum is 7" in by_name(list(checks_of_work.check_solvers()))["CP-SAT"].found


def test_code_that_cannot_be_kept_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpufleet.optimize.bounds import knapsack

    monkeypatch.setattr(knapsack, "_down", SimpleNamespace(stats=SimpleNamespace(cache_path=None)))
    (check,) = checks_of_work.check_compiled()
    assert check.status == "fail"
    assert "export NUMBA_CACHE_DIR=" in check.remedy


def test_a_search_path_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUFLEET_LIBRARY", "/no/such/folder")
    (check,) = checks_of_work.check_data(())
    assert (check.status, check.found) == ("fail", "/no/such/folder: no such library folder")
    assert "GPUFLEET_LIBRARY" in check.remedy


def test_old_prices_are_worth_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime.date):
        @classmethod
        def today(cls) -> Later:
            return cls(2031, 1, 1)

    monkeypatch.setattr(datetime, "date", Later)
    prices = by_name(list(checks_of_work.check_data(())))["prices"]
    assert prices.status == "warn"
    assert "days ago" in prices.found


def test_a_failure_ends_with_its_remedy_and_exit_code_6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUFLEET_LIBRARY", "/no/such/folder")
    monkeypatch.setattr(checks_of_work, "SOLVERS", {})
    monkeypatch.setattr(checks_of_work, "_answered", lambda: "answered")
    result = run("doctor")
    assert result.exit_code == 6
    assert "fail: search path: --library and GPUFLEET_LIBRARY name folders" in result.stdout
    assert "Not fit: 1 of " in result.stdout
    assert "Next: do what stands beside each failure" in result.stderr


def test_the_verdict_counts_warnings() -> None:
    lines = list(checkup_text([Check("a", "b", "warn", "x", "do y"), Check("a", "c", "off", "", "")]))
    assert [str(line) for line in lines[2:]] == [
        "warn: b: do y",
        'Not installed, optional: c. To add one: pip install "gpufleet[NAME]"',
        "Fit. 1 warning.",
    ]
