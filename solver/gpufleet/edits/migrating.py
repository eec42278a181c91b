"""The same question, asked by somebody who has a fleet already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.edits.changes import with_fields
from gpufleet.library.migration import migration_from

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def starting_from(
    resolved: ResolvedInstance, plan: Plan, usd_per_node: float, usd_per_accelerator: float = 0.0
) -> ResolvedInstance:
    """The instance with the fleet of a plan as that of today, and prices of changing it, USD."""
    migration = migration_from(plan, resolved.instance, resolved.offers, usd_per_node, usd_per_accelerator)
    return with_fields(resolved, migration=migration)
