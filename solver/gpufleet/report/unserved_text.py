"""What a plan does not serve, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import figure, money, percent
from gpufleet.schema.workloads import Training
from gpufleet.verification.slices import slices_of
from gpufleet.verification.unserved import unserved_of, unserved_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.plan import Certificate, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


MANY = 3
"""Names more of what is left out than of what is served, from which the latter are said."""


def left_out(resolved: ResolvedInstance, plan: Plan) -> dict[str, float]:
    """Workloads of which something is not served, the highest priority first, with the share of their requests."""
    ordered = sorted(resolved.instance.workloads, key=lambda workload: -workload.priority)
    shares = {workload.name: unserved_of(resolved, workload, plan) for workload in ordered if plan.unserved}
    return {name: share for name, share in shares.items() if share}


def unserved_words(resolved: ResolvedInstance, plan: Plan) -> str:
    """E.g. `12.5 % of chat, all of tuning, batch`; `everything but chat, advisor`; `nothing`."""
    shares = left_out(resolved, plan)
    words = [f"{percent(share)} of {name}" for name, share in shares.items() if share < 1]
    whole = [name for name, share in shares.items() if share >= 1]
    others = [name for name in resolved.workloads if name not in shares]
    if whole and len(whole) > MANY + len(others) and not words:
        return f"everything but {', '.join(others)}" if others else "everything"
    words += [f"all of {', '.join(whole)}"] if whole else []
    return ", ".join(words) or "nothing"


def unserved_lines(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """One line per workload, then one per class and for when it is worst."""
    for name, share in left_out(resolved, plan).items():
        workload = resolved.workloads[name]
        yield Text(f"{name} (priority {workload.priority}): {_said(workload, share)}", style="yellow")
        if not isinstance(workload, Training):
            for line in _by_class(resolved, plan, workload.name, [group.name for group in workload.classes]):
                yield Text(f"  {line}")


def service_rows(resolved: ResolvedInstance, certificate: Certificate) -> Iterator[tuple[str, str]]:
    """(label, words) per priority: what stays unserved, and whether less is possible."""
    valued = {workload.priority for workload in resolved.instance.workloads if workload.value_usd is not None}
    for entry in certificate.service:
        words = "everything is served"
        if entry.unserved:
            proof = (
                "proven smallest" if entry.bound == entry.unserved else f"not proven; at least {figure(entry.bound)}"
            )
            what = f"unserved shares of its workloads, by weight, add up to {figure(entry.unserved)}"
            if entry.priority in valued:
                what = f"what stays unserved is worth {money(entry.unserved)} USD"
            words = f"{what}: {proof}"
        yield f"priority {entry.priority}", words


def is_service_proven(certificate: Certificate) -> bool:
    """Is it proven that not less could stay unserved?"""
    return all(entry.bound == entry.unserved for entry in certificate.service)


def _part(share: float) -> str:
    return "all" if share >= 1 else percent(share)


def _said(workload: Workload, share: float) -> str:
    if isinstance(workload, Training):
        return "the run is not done" if share >= 1 else f"the run is not done in {percent(share)} of the time"
    return "nothing of it is served" if share >= 1 else f"{percent(share)} of its requests are not served"


def _by_class(resolved: ResolvedInstance, plan: Plan, workload: str, classes: list[str]) -> Iterator[str]:
    """The share of every class that lacks something, in the period in which it lacks most."""
    for name in classes:
        shares = [(unserved_share(plan, workload, name, now), now.label) for now in slices_of(resolved)]
        most, label = max(shares, key=lambda row: row[0])
        missing = [share for share, _ in shares if share]
        if missing and len(shares) == 1:
            yield f"class {name}: {_part(most)}"
        elif missing:
            yield f"class {name}: in {len(missing)} of {len(shares)} periods, at most {_part(most)}{label}"
