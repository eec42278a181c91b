"""What may fail under a plan, and what workloads with budgets of their own are charged."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import money, percent
from gpufleet.verification.slices import PoolName, pool_of, pool_of_nodes, slices_of
from gpufleet.verification.spare_nodes import protected_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Fallback, Plan
    from gpufleet.schema.resolved import ResolvedInstance


def redundancy_lines(resolved: ResolvedInstance, plan: Plan) -> Iterator[Text]:
    """Nodes that may fail, pool by pool, then sites that may be lost, workload by workload; none where nothing may."""
    for line in (*_spare_nodes(resolved, plan), *_lost_sites(plan)):
        yield Text(line)


def _spare_nodes(resolved: ResolvedInstance, plan: Plan) -> Iterator[str]:
    """One line per pool and number of failures, for the period in which the fewest nodes are left over."""
    tightest: dict[tuple[PoolName, int], tuple[int, int, int, str]] = {}
    for now in slices_of(resolved):
        for pool, spare, needed in protected_nodes(resolved, plan, now):
            there = sum(nodes.count for nodes in now.nodes(plan.nodes) if pool_of_nodes(resolved, nodes) == pool)
            row = (there - needed, there, needed, now.label)
            tightest[pool, spare] = min(tightest.get((pool, spare), row), row)
    for (pool, spare), (_, there, needed, label) in sorted(tightest.items()):
        site, node_type, spot = pool
        names = ", ".join(_protected(resolved, plan, pool, spare))
        when = f" (fewest are left over{label})" if label else ""
        kind = f"spot nodes {node_type}" if spot else f"nodes {node_type}"
        yield f"any {spare} of the {there} {kind} at {site} may fail: room for {names} on {needed}{when}"


def _protected(resolved: ResolvedInstance, plan: Plan, pool: PoolName, spare: int) -> list[str]:
    """Workloads on the pool that survive so many failures."""
    here = {entry.workload for entry in plan.deployments if pool_of(entry) == pool and entry.replicas}
    return [w.name for w in resolved.instance.workloads if w.name in here and w.redundancy.spare_nodes >= spare]


def _lost_sites(plan: Plan) -> Iterator[str]:
    """One line per workload and site, for the period with the highest load elsewhere."""
    groups: dict[tuple[str, str], list[Fallback]] = {}
    for fallback in plan.fallback_routing:
        groups.setdefault((fallback.workload, fallback.lost_site), []).append(fallback)
    for (workload, site), group in groups.items():
        worst = max(group, key=lambda entry: entry.utilisation or 0)
        times = [time for time in (worst.stage, worst.period) if time is not None]
        when = f" (in {' in '.join(times)})" if times else ""
        load = "" if worst.utilisation is None else f", at up to {percent(worst.utilisation)} utilisation{when}"
        yield f"without {site}, {workload} runs at {_elsewhere(plan, worst)}{load}"


def _elsewhere(plan: Plan, fallback: Fallback) -> str:
    """The sites that take over, with their shares of each class where there are several."""
    shares: dict[str, dict[str, float]] = {}
    for route in fallback.routing:
        at = shares.setdefault(plan.deployments[route.deployment].site, defaultdict(float))
        at[route.request_class] += route.share
    if len(shares) == 1:
        return next(iter(shares))
    parts = [
        f"{site} ({', '.join(f'{name} {percent(share)}' for name, share in classes.items())})"
        for site, classes in shares.items()
    ]
    return " and ".join(parts)


def charge_rows(resolved: ResolvedInstance, plan: Plan) -> Iterator[tuple[str, str, str, str, str]]:
    """(workload, cap, charged, limit, share of the limit) per cap on a workload."""
    days = float(resolved.instance.hours / 24)
    charged = {entry.workload: entry.charge_usd for entry in plan.charges}
    for name, caps in resolved.instance.budgets.workloads.items():
        for cap, most, per in (("usd_per_day", caps.usd_per_day, days), ("horizon_usd", caps.horizon_usd, 1.0)):
            if most is not None and name in charged:
                spent = charged[name] / per
                yield name, cap, money(spent), money(most), percent(spent / most) if most else ""
