"""Does it work? Every solver on a model of two variables, the compiled parts, the data, and a whole question."""

from __future__ import annotations

import datetime
import os
import time
from typing import TYPE_CHECKING, Any

from gpufleet.errors import GpufleetError
from gpufleet.report.checkup_text import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpufleet.library import Library
    from gpufleet.optimize.formulation.linear_model import LinearModel

SOLVERS = {
    "cpsat": ("CP-SAT", "the default solver; reinstall OR-Tools: pip install --force-reinstall ortools"),
    "highs": ("HiGHS", "OR-Tools' HiGHS, by MathOpt; reinstall it: pip install --force-reinstall ortools"),
    "pulp": ("CBC", "the second opinion, which comes with PuLP; reinstall it: pip install --force-reinstall pulp"),
}
"""Back end to the solver's name and the remedy."""
EXAMPLE = "prefix-cache"
"""The bundled instance that is solved: language serving from the catalogue to a verified plan, in about a second."""
OLD_DAYS = 365
"""Newest prices that are older are worth a warning."""
SECONDS = 20.0


def check_solvers() -> Iterator[Check]:
    """min 2x + 3y, x + y >= 3, x <= 2, which costs 7."""
    for backend, (name, remedy) in SOLVERS.items():
        yield _tried("solvers", name, remedy, lambda backend=backend: _solved(backend))  # type: ignore[misc]


def _solved(backend: str) -> str:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.backends.registry import backend as open_backend

    solver = open_backend(backend)
    result = solver.solve(_two_variables(), SolverLimits(SECONDS))
    if (result.outcome, result.objective) != ("optimal", 7):
        raise ArithmeticError(f"says {result.outcome}, {result.objective} where the optimum is 7")
    return f"{solver.version()} solves a model of two variables"


def _two_variables() -> LinearModel:
    from gpufleet.optimize.formulation.linear_model import LinearModel

    model = LinearModel()
    x, y = model.add_variable("x", 0, 2), model.add_variable("y", 0, 9)
    model.add_row("demand", "demand", ((x, 1), (y, 1)), lower=3)
    model.objective = {x: 2, y: 3}
    return model


def check_compiled() -> Iterator[Check]:
    """The compiled knapsack of decomposition, and where its machine code is kept."""
    remedy = (
        "decomposition (large estates) cannot be loaded without; name a folder that you may write to: "
        "export NUMBA_CACHE_DIR=$HOME/.cache/gpufleet"
    )
    yield _tried("solvers", "compiled code", remedy, _cache)


def _cache() -> str:
    from gpufleet.optimize.bounds import knapsack

    folder = knapsack._down.stats.cache_path  # noqa: SLF001
    if folder is None or not os.access(folder, os.W_OK):
        raise PermissionError(f"numba cannot keep its code in {folder}")
    return f"kept in {folder}"


def check_data(libraries: Sequence[str]) -> Iterator[Check]:
    """The folders of the search path, everything in them, and how old the prices are."""
    from gpufleet.library import Library

    opened: list[Library] = []

    def search_path() -> str:
        opened.append(Library.open(libraries))
        return ", ".join(str(root) for root in opened[0].roots)

    remedy = "--library and GPUFLEET_LIBRARY name folders that hold catalog/ or models/; mend or unset them"
    yield _tried("data", "search path", remedy, search_path)
    if not opened:
        return
    library = opened[0]
    remedy = "mend the file named; if it came with gpufleet, install that again: pip install --force-reinstall gpufleet"
    catalogue = _tried("data", "catalogue", remedy, lambda: _catalogue(library))
    yield catalogue
    yield _tried(
        "data", "models", remedy, lambda: f"{len([library.model(n) for n in library.model_names])} model cards"
    )
    yield _tried("data", "instances", remedy, _instances)
    if catalogue.status == "ok":
        yield _ages(library)


def _catalogue(library: Library) -> str:
    counts = (len(library.accelerators), len(library.node_types), len(library.offers))
    if not all(counts):
        raise LookupError("it is empty")
    return "{} accelerators, {} node types, {} offers".format(*counts)


def _instances() -> str:
    from gpufleet.library.bundled_instances import bundled_instances

    found = bundled_instances()
    if EXAMPLE not in found:
        raise LookupError(f"the bundled instance {EXAMPLE} is not there")
    return f"{len(found)} bundled (gpufleet examples)"


def _ages(library: Library) -> Check:
    """A price without a date counts as none."""
    dates = sorted(offer.as_of for offer in library.offers.values() if offer.as_of is not None)
    if not dates:
        return Check("data", "prices", "warn", "none has a date", "give your prices an as_of")
    days = (datetime.date.today() - dates[-1]).days
    found = f"newest of {dates[-1]} ({days} days ago), oldest of {dates[0]}"
    if days <= OLD_DAYS:
        return Check("data", "prices", "ok", found)
    remedy = "add prices of your own in a library folder (--library): catalog/offers/*.csv"
    return Check("data", "prices", "warn", found, remedy)


def check_end_to_end() -> Iterator[Check]:
    """A bundled question, solved and verified with the bundled data."""
    remedy = "look at the failures above; if there are none, this is a bug: please report it with this table"
    yield _tried("end to end", "solve and verify", remedy, _answered)


def _answered() -> str:
    from gpufleet.library import Library, bundled_root, load_instance
    from gpufleet.library.bundled_instances import bundled_instances
    from gpufleet.solving import solve
    from gpufleet.verification import verify

    started = time.perf_counter()
    resolved = load_instance(bundled_instances()[EXAMPLE], Library([bundled_root()]))
    plan = solve(resolved, time_limit_s=SECONDS)
    if str(plan.status) != "optimal" or not verify(resolved, plan).ok or plan.certificate is None:
        raise ArithmeticError(f"{EXAMPLE} ends as {plan.status}, which should be optimal and verified")
    cost, seconds = plan.certificate.objective_usd, time.perf_counter() - started
    return f"{EXAMPLE}: optimal, {cost:,.2f} USD, verified, in {seconds:.1f} s"


def _tried(area: str, name: str, remedy: str, work: Callable[[], Any]) -> Check:
    """What the work says; or that it failed, whatever the reason: that is what is asked for here."""
    try:
        return Check(area, name, "ok", str(work()))
    except GpufleetError as error:
        return Check(area, name, "fail", str(error), remedy)
    except Exception as error:  # a broken package can raise anything
        return Check(area, name, "fail", f"{type(error).__name__}: {error}", remedy)
