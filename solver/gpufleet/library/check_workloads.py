"""Workloads: do their model, classes, accuracy floors and options fit together?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.check_models import check_metrics, check_models
from gpufleet.library.findings import IN_LIBRARY
from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import Workload


def check_workloads(instance: Instance, models: Mapping[str, ModelCard], shelf: Shelf, findings: Findings) -> None:
    """Note everything in a workload that contradicts its model, its classes or the records it names."""
    for number, workload in enumerate(instance.workloads):
        loc: Loc = ("workloads", number)
        for place, name in enumerate(workload.accelerators or ()):
            if shelf.accelerator(name) is None:
                findings.unknown(
                    (*loc, "accelerators", place), "accelerator", name, shelf.accelerator_names, IN_LIBRARY
                )
        if not isinstance(workload, Training) and not any(member.requests_per_s for member in workload.classes):
            findings.add((*loc, "classes"), "no demand: requests_per_s is 0 in every class; remove the workload")
        _check_periods(loc, workload, instance, findings)
        if isinstance(workload, Profiled):
            _check_profiled(loc, workload, shelf, findings)
        else:
            check_models(loc, workload, models, findings)


def _check_periods(loc: Loc, workload: Workload, instance: Instance, findings: Findings) -> None:
    """Periods that a workload names exist, and leave it something to do."""
    periods = {period.name: period.demand_factor for period in instance.periods}
    if isinstance(workload, Training):
        for place, name in enumerate(workload.periods or ()):
            if name not in periods:
                findings.unknown((*loc, "periods", place), "period", name, periods)
        return
    named: list[tuple[Loc, Mapping[str, float]]] = [(loc, workload.demand_factors)]
    named += [((*loc, "classes", number), member.demand_factors) for number, member in enumerate(workload.classes)]
    for here, factors in named:
        for name in factors:
            if name not in periods:
                findings.unknown((*here, "demand_factors", name), "period", name, periods)
    usual = {**periods, **workload.demand_factors}
    asked = [member for member in workload.classes if member.requests_per_s] or workload.classes
    if periods and not any(any({**usual, **member.demand_factors}.values()) for member in asked):
        findings.add((*loc, "demand_factors"), "no demand: the factor is 0 in every period; remove the workload")


def _check_profiled(loc: Loc, workload: Profiled, shelf: Shelf, findings: Findings) -> None:
    classes = [member.name for member in workload.classes]
    for number, option in enumerate(workload.options):
        here: Loc = (*loc, "options", number)
        if shelf.node_type(option.node_type) is None:
            findings.unknown((*here, "node_type"), "node type", option.node_type, shelf.node_type_names, IN_LIBRARY)
        for name in option.rates:
            if name not in classes:
                findings.unknown((*here, "rates", name), "class", name, classes, "this workload has no such class")
    check_metrics(
        loc, workload, {floor.metric for option in workload.options for floor in option.accuracy}, "option", findings
    )
