"""Periods, stages and trends: do they fill the horizon, and name things that exist?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.wording import shown
from gpufleet.units import HOURS_PER_DAY, exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.library.findings import Findings
    from gpufleet.library.references import PlacedOffer
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.instance import Instance

DAYS_PER_YEAR = 365


def check_time(instance: Instance, offers: Sequence[PlacedOffer], shelf: Shelf, findings: Findings) -> None:
    """Note periods and stages that do not fill the horizon, and trends and caps for things that do not exist."""
    total = sum(exact(period.hours) for period in instance.periods)
    if instance.periods and total != instance.hours:
        message = f"the periods last {shown(total)} hours together, but the horizon {shown(instance.hours)}"
        findings.add(("periods",), message)
    days = sum(exact(stage.days) for stage in instance.stages)
    horizon = instance.hours / HOURS_PER_DAY
    if instance.stages and days != horizon:
        findings.add(("stages",), f"the stages last {shown(days)} days together, but the horizon {shown(horizon)}")
    names = [stage.name for stage in instance.stages]
    for name in instance.budgets.stages:
        if name not in names:
            findings.unknown(("budgets", "stages", name), "stage", name, names)
    first = exact(instance.stages[0].days) if instance.stages else horizon
    for loc, offer in offers:
        if offer.term == "owned" and offer.life_years is not None and exact(offer.life_years) * DAYS_PER_YEAR < first:
            message = f"the nodes last {offer.life_years:g} years, the first stage {float(first / DAYS_PER_YEAR):.4g}"
            findings.add((*loc, "life_years"), f"{message}; split the horizon into stages, or leave the nodes out")
    _check_trends(instance, shelf, findings)


def _check_trends(instance: Instance, shelf: Shelf, findings: Findings) -> None:
    units = {name: shelf.accelerator(name) for name in shelf.accelerator_names}
    families = {unit.family for unit in units.values() if unit is not None}
    for number, trend in enumerate(instance.trends):
        for field, what, names, known in (
            ("families", "accelerator family", trend.families, families),
            ("accelerators", "accelerator", trend.accelerators, set(units)),
        ):
            for place, name in enumerate(names or ()):
                if name not in known:
                    findings.unknown(("trends", number, field, place), what, name, known, IN_LIBRARY)
    if instance.trends and not instance.stages:
        findings.add(("trends",), "trends say what changes from stage to stage, but there are no stages; add some")
