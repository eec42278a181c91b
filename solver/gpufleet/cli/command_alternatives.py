"""`gpufleet alternatives`: other fleets that cost little more."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import (
    exit_code,
    library_option,
    open_library,
    overlay_option,
    performance_option,
    progress,
    show,
    time_limit_option,
)

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.alternatives import Alternative, Alternatives
    from gpufleet.whatif.signatures import By

KINDS = ("fleet", "vendor", "accelerator", "term", "site")


class Share(click.ParamType[float]):
    """`3%` or `0.03`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share between 0 and 10 as a number."""
        if not isinstance(value, str):
            return float(value)
        text = value.strip().replace(" ", "")
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 10:
            self.fail(f"{value!r} is no share; write it as in 3% or 0.03, at most 1000%", param, ctx)
        return number


@click.command("alternatives")
@instance_argument()
@click.option("-k", "number", type=click.IntRange(1, 50), default=5, show_default=True, help="Most of them.")
@click.option(
    "--within", type=Share(), default="5%", show_default=True, help="Dearer than the optimum by at most this."
)
@click.option(
    "--by",
    type=click.Choice(KINDS),
    default="fleet",
    show_default=True,
    help="What they must differ in; fleet: the set of accelerators and terms.",
)
@click.option("--count-owned", is_flag=True, help="Let owned nodes tell fleets apart too.")
@click.option(
    "--max-vendor-share",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    help="Also: the cheapest fleet with at most this share of its accelerators from one vendor.",
)
@click.option("--out", metavar="DIR", help="Write the plans to this folder: optimum.yaml, alternative-1.yaml, ...")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON and nothing else.")
@time_limit_option("Seconds per plan.")
@performance_option
@overlay_option
@library_option
def command(
    file: str,
    number: int,
    within: float,
    by: By,
    count_owned: bool,
    max_vendor_share: float | None,
    out: str | None,
    as_json: bool,
    time_limit: float,
    performance: str | None,
    libraries: tuple[str, ...],
) -> None:
    """Find the cheapest fleets for FILE that are made of something else, each proven.

    An alternative differs from the optimum and from all others in what it newly takes: accelerators and terms, or as
    --by says. What is the optimum with needless nodes added is none.
    """
    from gpufleet.cli.common import counting_on
    from gpufleet.library import load_instance
    from gpufleet.report.alternatives_text import alternatives_text
    from gpufleet.whatif.alternatives import find_alternatives

    resolved = counting_on(load_instance(file, open_library(libraries)), performance)
    folder = _folder(out)
    with progress(f"solving for up to {number} other fleets"):
        found = find_alternatives(
            resolved,
            by=by,
            number=number,
            within=within,
            count_owned=count_owned,
            max_vendor_share=max_vendor_share,
            time_limit_s=time_limit,
        )
    if folder is not None:
        _write(found, folder)
    if as_json:
        click.echo(json.dumps(_as_json(resolved, found), indent=2))
    else:
        show(alternatives_text(resolved, found))
    sys.exit(exit_code(found.optimum))


def _folder(out: str | None) -> Path | None:
    """The folder for plans, made if it is not there."""
    if out is None:
        return None
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{out!r} cannot be made a folder: {error.strerror}", param_hint="--out") from None
    return folder


def _write(found: Alternatives, folder: Path) -> None:
    from gpufleet.library import write_plan

    plans = {"optimum": found.optimum}
    plans |= {f"alternative-{place}": other.plan for place, other in enumerate(found.others, 1)}
    for name, plan in plans.items():
        write_plan(plan, folder / f"{name}.yaml")
    click.echo(f"wrote {len(plans)} plans to {folder}", err=True)


def _as_json(resolved: ResolvedInstance, found: Alternatives) -> dict[str, object]:
    share = found.vendor_share
    return {
        "by": found.by,
        "within": found.within,
        "status": found.optimum.status,
        "optimum": None if found.first is None else _fleet(resolved, found, found.first),
        "alternatives": [_fleet(resolved, found, other) for other in found.others],
        "ended": found.ended,
        "beyond": None if found.beyond is None else _fleet(resolved, found, found.beyond),
        "max_vendor_share": None
        if share is None
        else {
            "share": share.share,
            "status": share.plan.status,
            "figures": None if share.figures is None else asdict(share.figures),
            "fleet": _nodes(share.plan),
        },
    }


def _fleet(resolved: ResolvedInstance, found: Alternatives, fleet: Alternative) -> dict[str, object]:
    from gpufleet.units import micro_usd, usd

    assert found.first is not None
    first, own = found.first.figures.cost_usd, fleet.figures.cost_usd
    more = usd(micro_usd(own) - micro_usd(first))
    return {
        "signature": sorted(fleet.signature),
        "proven": fleet.proven,
        "more_usd": more,
        "more": more / first if first else None,
        **asdict(fleet.figures),
        "fleet": _nodes(fleet.plan),
    }


def _nodes(plan: Any) -> list[dict[str, object]]:
    """What is taken, offer by offer."""
    fields = ("offer", "count", "period", "first_stage", "last_stage")
    rows = [{name: getattr(nodes, name) for name in fields} for nodes in plan.nodes]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]
