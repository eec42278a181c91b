"""`gpufleet solve`: the main job."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

import click

from gpufleet.cli.arguments import instance_argument, names_of
from gpufleet.cli.common import (
    counting_on,
    exit_code,
    library_option,
    overlay_option,
    performance_option,
    show,
    source_option,
    time_limit_option,
)
from gpufleet.cli.edit_options import edit_options, load_question
from gpufleet.cli.live import JsonLines, on_screen
from gpufleet.cli.migration_options import migration_options, moved_from
from gpufleet.cli.price_options import price_options, show_stale_prices, with_max_price_age
from gpufleet.cli.scenario_options import Share, range_options, settings_of
from gpufleet.cli.watched import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from gpufleet.cli.watched import Listener
    from gpufleet.scenarios.settings import ScenarioSettings
    from gpufleet.schema.measurements import PerformanceSource
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@click.command("solve")
@instance_argument()
@click.option("--out", metavar="FILE", help="Write the plan to this file (.json, .yaml or .yml).")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON and nothing else.")
@click.option(
    "--progress/--no-progress",
    "shown",
    default=None,
    help="Say on standard error how far it is (default: yes, except with --json or --log-json -).",
)
@click.option(
    "--log-json",
    "log",
    metavar="FILE",
    help="Write progress as JSON lines to this file while solving; - is standard error.",
)
@time_limit_option()
@click.option("--gap", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Stop at this relative gap.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads; 1 is repeatable.")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Send the tasks of decomposition to the Dask cluster of this scheduler (tcp://host:8786); --workers says "
    "how many at once.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Random seed.")
@click.option(
    "--backend",
    type=click.Choice(["auto", "cpsat", "pulp", "highs", "scip"]),
    default="auto",
    show_default=True,
    help="Solver; pulp (CBC) is the second opinion.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "whole", "decomposition"]),
    default="auto",
    show_default=True,
    help="The whole model at once, or piece by piece.",
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="The same plan every time, with several workers too; --time-limit then counts deterministic time.",
)
@click.option(
    "--certify/--no-certify",
    default=None,
    help="Put prices into the certificate that prove a bound, for verify --bound (default: with --out).",
)
@click.option(
    "--accelerator",
    "accelerators",
    multiple=True,
    metavar="NAME",
    shell_complete=names_of("accelerators"),
    help="Use only offers with this accelerator. Repeatable.",
)
@edit_options
@performance_option
@click.option(
    "--price-of-caution/--no-price-of-caution",
    default=True,
    show_default=True,
    help="At p90: solve at p50 too, and say what the difference costs.",
)
@click.option(
    "--compare",
    type=click.Path(),
    metavar="PLAN",
    help="Compare with this plan (default: the instance's baseline_plan).",
)
@migration_options
@click.option(
    "--robust",
    "violations",
    type=Share(),
    metavar="SHARE",
    help="At most this share of sampled scenarios may be violated: 5% or 0.05.",
)
@click.option("--samples", type=click.IntRange(1, 100_000), help="Scenarios of --robust.  [default: 200]")
@click.option("--scenario-seed", type=click.IntRange(0, 2**30), help="What they are drawn with.  [default: 1]")
@range_options
@source_option
@price_options
@overlay_option
@library_option
def command(
    file: str,
    out: str | None,
    as_json: bool,
    shown: bool | None,
    log: str | None,
    time_limit: float,
    gap: float,
    workers: int,
    dask: str | None,
    seed: int,
    backend: str,
    engine: str,
    deterministic: bool,
    certify: bool | None,
    accelerators: tuple[str, ...],
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    performance: str | None,
    price_of_caution: bool,
    compare: str | None,
    today: str | None,
    move_cost: dict[str, float] | None,
    violations: float | None,
    samples: int | None,
    scenario_seed: int | None,
    demand: tuple[float, float] | None,
    availability: float | None,
    performance_source: PerformanceSource | None,
    libraries: tuple[str, ...],
) -> None:
    """Find the cheapest fleet for an instance FILE, and prove it.

    Prints fleet, deployments, costs, certificate and what eliminated the other candidates.
    """
    _check_out(out)
    question = load_question(file, libraries, sets, scales, performance_source)
    asked = resolved = with_max_price_age(counting_on(question, performance))
    if accelerators:
        from gpufleet.edits.changes import only_accelerators

        resolved = only_accelerators(asked, accelerators)
    resolved, current = moved_from(resolved, today, move_cost)
    if violations is not None:
        others = {
            "--dask": dask,
            "--deterministic": deterministic,
            "--certify": certify,
            "--gap": gap,
        }
        chosen = {"--backend": backend != "auto", "--engine": engine != "auto", "--workers": workers > 1}
        for option, given in (others | chosen).items():
            if given:
                raise click.UsageError(f"{option} does not go with --robust, which chooses the solver by itself")
        settings = settings_of(samples or 200, 1 if scenario_seed is None else scenario_seed, demand, availability)
        with _listeners(not as_json and log != "-" if shown is None else shown, log) as listeners:
            plan = watched(_robust(resolved, violations, settings, time_limit, seed), listeners)
        _answer(asked, resolved, plan, current, out, as_json, compare)
    for option, value in (("--samples", samples), ("--scenario-seed", scenario_seed), ("--demand", demand)):
        if value is not None:
            raise click.UsageError(f"{option} needs --robust, e.g. --robust 5%")
    if availability is not None:
        raise click.UsageError("--availability needs --robust, e.g. --robust 5%")
    if shown is None:
        shown = not as_json and log != "-"
    with _listeners(shown, log) as listeners, _cluster(dask if engine != "whole" else None, workers) as executor:
        from gpufleet.solving import solve

        work = partial(
            solve,
            resolved,
            time_limit_s=time_limit,
            relative_gap=gap,
            workers=workers,
            seed=seed,
            backend=backend,  # type: ignore[arg-type]
            engine=engine,  # type: ignore[arg-type]
            deterministic=deterministic,
            certify=out is not None if certify is None else certify,
            price_of_caution=price_of_caution,
            executor=executor,
        )
        plan = watched(work, listeners)
    if dask is not None:
        _say_unused(plan)
    _answer(asked, resolved, plan, current, out, as_json, compare)


def _robust(
    resolved: ResolvedInstance, violations: float, settings: ScenarioSettings, time_limit: float, seed: int
) -> Callable[..., Plan]:
    """What finds the cheapest plan that keeps its promise, but for who listens to it."""
    from gpufleet.whatif.robust import solve_robust

    return partial(solve_robust, resolved, violations, settings, time_limit_s=time_limit, seed=seed)


def _answer(
    asked: ResolvedInstance,
    resolved: ResolvedInstance,
    plan: Plan,
    current: Plan | None,
    out: str | None,
    as_json: bool,
    compare: str | None,
) -> NoReturn:
    """Write and print the plan, and end with its exit code."""
    from gpufleet.library import write_plan

    if out is not None:
        write_plan(plan, out)
    if as_json:
        click.echo(plan.model_dump_json(indent=2))
        show_stale_prices(resolved, plan, as_json=True)
    else:
        _show(asked, resolved, plan, compare)
        _show_moves(resolved, plan, current)
        if plan.robust is not None:
            from gpufleet.report.robust_text import robust_text

            click.echo()
            show(robust_text(plan))
    sys.exit(exit_code(plan))


@contextmanager
def _cluster(address: str | None, workers: int) -> Iterator[Executor | None]:
    """The Dask cluster at an address; None where none is asked for."""
    if address is None:
        yield None
        return
    from gpufleet.optimize.executors import open_executor

    with open_executor(address, workers) as executor:
        threads = getattr(executor, "threads", int)()
        if threads > workers:
            click.echo(f"note: the cluster has {threads} threads; --workers {workers} uses no more than that", err=True)
        yield executor


def _say_unused(plan: Plan) -> None:
    """Only decomposition has tasks to send away."""
    engine = plan.certificate.engine if plan.certificate is not None else "none"
    if engine != "decomposition":
        click.echo(f"note: --dask made no difference, because only decomposition uses it: engine {engine}", err=True)


@contextmanager
def _listeners(shown: bool, log: str | None) -> Iterator[list[Listener]]:
    """Who is told how far the search is."""
    listeners: list[Listener] = [on_screen()] if shown else []
    with ExitStack() as stack:
        if log is not None:
            stream = sys.stderr if log == "-" else stack.enter_context(_opened(log))
            listeners.append(JsonLines(stream))
        yield listeners


def _opened(log: str) -> IO[str]:
    """The file for progress, emptied."""
    try:
        return Path(log).open("w", encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{log!r} cannot be written: {error.strerror}", param_hint="--log-json") from error


def _check_out(out: str | None) -> None:
    """Refuse a plan file that could not be written before the work is done, not after."""
    if out is not None:
        if Path(out).suffix.lower() not in (".json", ".yaml", ".yml"):
            raise click.BadParameter(f"{out!r} must end in .json, .yaml or .yml", param_hint="--out")
        if not Path(out).absolute().parent.is_dir():
            raise click.BadParameter(f"the folder of {out!r} does not exist", param_hint="--out")


def _show(asked: ResolvedInstance, resolved: ResolvedInstance, plan: Plan, compare: str | None) -> None:
    """Print the answer, and how it stands against the baseline (which may use offers that the answer may not)."""
    from gpufleet.report.plan_text import plan_text

    show(plan_text(resolved, plan))
    show_stale_prices(resolved, plan, as_json=False)
    baseline = compare or _baseline(asked)
    if baseline is not None and plan.nodes:
        from gpufleet.library import load_plan
        from gpufleet.report.verdict_text import comparison_text
        from gpufleet.verification import verify

        other = load_plan(baseline)
        click.echo()
        show(comparison_text(asked, Path(baseline).name, plan, other, verify(asked, other)))


def _show_moves(resolved: ResolvedInstance, plan: Plan, current: Plan | None) -> None:
    """Print what changes of the fleet of today, if there is one."""
    if plan.moves is not None:
        from gpufleet.report.moves_text import moves_text
        from gpufleet.whatif.today import today_of

        click.echo()
        show(moves_text(resolved, plan, *today_of(resolved, current)))


def _baseline(resolved: ResolvedInstance) -> str | None:
    """The instance's baseline plan, relative to the instance file."""
    name = resolved.instance.baseline_plan
    return None if name is None else str(Path(resolved.path).parent / name)
