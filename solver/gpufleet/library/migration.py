"""The fleet of today from a plan file, written out in the instance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gpufleet.library.plans import load_plan
from gpufleet.library.wording import show
from gpufleet.schema.migration import CurrentNodes, CurrentUse, Migration
from gpufleet.schema.offers import RENTED_TERMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.library.findings import Findings
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import Plan


def check_migration(instance: Instance, findings: Findings) -> None:
    """Note a fleet of today that is given twice."""
    migration = instance.migration
    if migration is not None and migration.plan is not None and (migration.nodes or migration.uses):
        message = f"{show(migration.plan)} says what the fleet of today is, and so do nodes and uses; give one of them"
        findings.add(("migration", "plan"), message)


def plan_of_today(instance: Instance, instance_path: str) -> Plan | None:
    """The plan that `migration` names, if it names one. Raises InputError for a file that is no plan."""
    migration = instance.migration
    if migration is None or migration.plan is None:
        return None
    return load_plan(Path(instance_path).parent / migration.plan)


def migration_from(
    plan: Plan, instance: Instance, offers: Mapping[str, Offer], usd_per_node: float, usd_per_accelerator: float
) -> Migration:
    """The fleet of a plan as that of today: nodes that are there from the start, and what runs in the first stage."""
    return Migration(
        usd_per_node=usd_per_node,
        usd_per_accelerator=usd_per_accelerator,
        nodes=tuple(CurrentNodes(offer=name, count=count) for name, count in _nodes(plan, instance, offers).items()),
        uses=tuple(
            CurrentUse(workload=workload, site=site, node_type=node, spot=spot, accelerators=count)
            for (workload, site, node, spot), count in _uses(plan, instance).items()
        ),
    )


def _nodes(plan: Plan, instance: Instance, offers: Mapping[str, Offer]) -> Counter[str]:
    first = instance.stages[0].name if instance.stages else None
    counts: Counter[str] = Counter()
    for entry in plan.nodes:
        term = offers[entry.offer].term if entry.offer in offers else entry.term
        elastic = bool(instance.periods) and term in RENTED_TERMS
        if entry.period is None and entry.first_stage in (None, first) and not elastic:
            counts[entry.offer] += entry.count
    return +counts


def _uses(plan: Plan, instance: Instance) -> Counter[tuple[str, str, str, str | None]]:
    """Most accelerators by workload and pool, over all periods."""
    first = instance.stages[0].name if instance.stages else None
    running = [entry for entry in plan.deployments if entry.stage in (None, first)]
    most: Counter[tuple[str, str, str, str | None]] = Counter()
    for period in {entry.period for entry in running} | {None}:
        now: Counter[tuple[str, str, str, str | None]] = Counter()
        for entry in running:
            if entry.period in (None, period):
                place = (entry.workload, entry.site, entry.node_type, entry.spot)
                now[place] += entry.replicas * entry.parallelism.accelerators
        most |= now
    return Counter(dict(sorted(most.items(), key=str)))
