"""A plan as rows: how many nodes and replicas there are in every period of every stage."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from gpufleet.report.pools import bases, pool_counts
from gpufleet.report.timetable import schedule
from gpufleet.schema.schedule import ScheduleRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance

    Time = tuple[str | None, str | None]

SEPARATOR = ";"
"""Between the names of a list in one cell; no name can hold it."""


def schedule_rows(resolved: ResolvedInstance, plan: Plan) -> tuple[ScheduleRow, ...]:
    """Period by period: nodes of every pool, then partitions, then replicas of every deployment, zeros included."""
    columns = [*_nodes(resolved, plan), *_partitions(resolved, plan), *_replicas(resolved, plan)]
    return tuple(column[position] for position in range(len(_times(resolved))) for column in columns)


def _times(resolved: ResolvedInstance) -> list[Time]:
    """(stage, period), in file order."""
    periods: list[str | None] = [period.name for period in resolved.instance.periods] or [None]
    stages: list[str | None] = [stage.name for stage in resolved.instance.stages] or [None]
    return [(stage, period) for stage in stages for period in periods]


def _nodes(resolved: ResolvedInstance, plan: Plan) -> Iterator[list[ScheduleRow]]:
    width = len(resolved.instance.periods) or 1
    for (site, node_type, spot), counts in pool_counts(resolved, plan).items():
        base = [least for least in bases(resolved, counts) for _ in range(width)]
        rows = zip(_times(resolved), counts, base, strict=True)
        place: dict[str, Any] = {"kind": "nodes", "site": site, "node_type": node_type, "spot": spot}
        yield [
            ScheduleRow(**place, stage=stage, period=period, nodes=count, base=least, burst=count - least)
            for (stage, period), count, least in rows
        ]


def _partitions(resolved: ResolvedInstance, plan: Plan) -> Iterator[list[ScheduleRow]]:
    groups: dict[tuple[str, str, str | None], list[Deployment]] = {}
    for entry in plan.deployments:
        if resolved.node_types[entry.node_type].partition_of is not None:
            groups.setdefault((entry.site, entry.node_type, entry.spot), []).append(entry)
    for (site, node_type, spot), entries in sorted(groups.items(), key=lambda item: (*item[0][:2], item[0][2] or "")):
        # a replica takes one instance
        size = resolved.node_types[node_type].accelerators
        place: dict[str, Any] = {"kind": "partition", "site": site, "node_type": node_type, "spot": spot}
        yield [
            ScheduleRow(**place, stage=stage, period=period, nodes=math.ceil(count / size))
            for (stage, period), count in zip(_times(resolved), schedule(resolved, entries), strict=True)
        ]


def _replicas(resolved: ResolvedInstance, plan: Plan) -> Iterator[list[ScheduleRow]]:
    for entries in deployment_forms(plan.deployments):
        form = _form(resolved, entries[0])
        yield [
            ScheduleRow(**form, stage=stage, period=period, replicas=count)
            for (stage, period), count in zip(_times(resolved), schedule(resolved, entries), strict=True)
        ]


def deployment_forms(deployments: Iterable[Deployment]) -> list[list[Deployment]]:
    """Deployments that differ in nothing but time, number and figures, together."""
    groups: dict[tuple[object, ...], list[Deployment]] = {}
    for entry in deployments:
        place = (entry.workload, entry.site, entry.node_type, entry.spot)
        form = (entry.model, entry.variant, entry.option, entry.parallelism, entry.batch, entry.measures)
        groups.setdefault((*place, *form), []).append(entry)
    return list(groups.values())


def _form(resolved: ResolvedInstance, entry: Deployment) -> dict[str, Any]:
    own = resolved.model_of(resolved.workloads[entry.workload])
    return {
        "kind": "replicas",
        "site": entry.site,
        "node_type": entry.node_type,
        "spot": entry.spot,
        "workload": entry.workload,
        "model": entry.model or (own.name if own else None),
        "variant": entry.variant or entry.option,
        "parallelism": entry.parallelism.label,
        "batch": entry.batch,
        "accelerators": entry.parallelism.accelerators,
        "measures": entry.measures,
    }


def schedule_csv(rows: Iterable[ScheduleRow]) -> str:
    """The rows as CSV, columns named as the fields; an empty cell is an empty field."""
    target = io.StringIO()
    writer = csv.DictWriter(target, list(ScheduleRow.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        fields = row.model_dump(exclude_none=True)
        writer.writerow({**fields, "measures": SEPARATOR.join(row.measures)})
    return target.getvalue()
