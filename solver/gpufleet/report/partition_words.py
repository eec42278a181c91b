"""Which nodes run as which partition, in a line each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpufleet.report.format import span_of_counts
from gpufleet.report.timetable import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance


def partition_words(resolved: ResolvedInstance, plan: Plan) -> Iterator[tuple[str, str]]:
    """(site and partition, how many nodes run as it and as what), e.g. `1-3 nodes of dgx-h100 run as 56x ...`.

    Over several periods the smallest and the largest number; nodes that run as no partition run as they are.
    """
    groups: dict[tuple[str, str], list[Deployment]] = {}
    for deployment in plan.deployments:
        if resolved.node_types[deployment.node_type].partition_of is not None:
            groups.setdefault((deployment.site, deployment.node_type), []).append(deployment)
    for (site, kind), deployments in sorted(groups.items()):
        node = resolved.node_types[kind]
        nodes = [math.ceil(count / node.accelerators) for count in schedule(resolved, deployments)]
        subject, verb = ("node", "runs") if set(nodes) == {1} else ("nodes", "run")
        form = f"{node.accelerators}x {node.accelerator}"
        yield f"{kind} at {site}", f"{span_of_counts(nodes)} {subject} of {node.partition_of} {verb} as {form}"
