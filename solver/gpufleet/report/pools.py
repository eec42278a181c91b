"""Nodes by pool over the periods: what is there always, and what is rented for some periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.timetable import by_stage, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance

    Pool = tuple[str, str, str | None]
    """(site, node type, spot offer)"""


def pool_counts(resolved: ResolvedInstance, plan: Plan) -> dict[Pool, list[int]]:
    """Nodes of every pool in every period of every stage, in file order."""
    groups: dict[Pool, list[PlannedNodes]] = {}
    for nodes in plan.nodes:
        offer = resolved.offers[nodes.offer]
        pool = (offer.site, offer.node_type, offer.name if offer.term == "spot" else None)
        groups.setdefault(pool, []).append(nodes)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or ""))
    return {pool: schedule(resolved, nodes) for pool, nodes in ordered}


def bases(resolved: ResolvedInstance, counts: list[int]) -> list[int]:
    """Per stage, the nodes that are there in all of its periods; more than these are always rented ones."""
    width = len(resolved.instance.periods) or 1
    return [min(counts[start : start + width]) for start in range(0, len(counts), width)]


def base_and_burst(resolved: ResolvedInstance, counts: list[int]) -> str:
    """E.g. `base 2, burst up to 3 more`; stage by stage where that changes."""
    width = len(resolved.instance.periods) or 1
    words = []
    for stage, base in enumerate(bases(resolved, counts)):
        burst = max(counts[stage * width : (stage + 1) * width]) - base
        words.append(f"base {base}, burst up to {burst} more" if burst else f"base {base}")
    return words[0] if len(set(words)) == 1 else by_stage(resolved, words)


def pool_words(pool: Pool) -> str:
    """E.g. `aws-p4d.24xlarge at aws-us-east-1, spot`."""
    site, node_type, spot = pool
    return f"{node_type} at {site}{', spot' if spot else ''}"


def varying_pools(resolved: ResolvedInstance, plan: Plan) -> Iterator[tuple[str, str]]:
    """(pool, base and burst) of the pools whose nodes change from period to period."""
    width = len(resolved.instance.periods) or 1
    for pool, counts in pool_counts(resolved, plan).items():
        days = [counts[start : start + width] for start in range(0, len(counts), width)]
        if any(len(set(day)) > 1 for day in days):
            yield pool_words(pool), base_and_burst(resolved, counts)
