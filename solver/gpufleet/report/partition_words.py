"""Which nodes run as which partition, in a line each."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from gpufleet.report.format import span_of_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def partition_words(resolved: ResolvedInstance, plan: Plan) -> Iterator[tuple[str, str]]:
    """(site and partition, how many nodes run as it and as what), e.g. `1-3 nodes of dgx-h100 run as 56x ...`.

    Over several periods the smallest and the largest number; nodes that run as no partition run as they are.
    """
    periods: list[str | None] = [period.name for period in resolved.instance.periods] or [None]
    used: dict[tuple[str, str], Counter[str | None]] = {}
    for deployment in plan.deployments:
        if resolved.node_types[deployment.node_type].partition_of is not None:
            counts = used.setdefault((deployment.site, deployment.node_type), Counter())
            for period in periods if deployment.period is None else (deployment.period,):
                counts[period] += deployment.replicas * deployment.parallelism.accelerators
    for (site, kind), counts in sorted(used.items()):
        node = resolved.node_types[kind]
        nodes = [math.ceil(counts[period] / node.accelerators) for period in periods]
        subject, verb = ("node", "runs") if set(nodes) == {1} else ("nodes", "run")
        form = f"{node.accelerators}x {node.accelerator}"
        yield f"{kind} at {site}", f"{span_of_counts(nodes)} {subject} of {node.partition_of} {verb} as {form}"
