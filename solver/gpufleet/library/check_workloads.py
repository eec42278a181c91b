"""Workloads: do their model, classes, accuracy floors and options fit together?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.check_models import check_metrics, check_models
from gpufleet.library.findings import IN_LIBRARY
from gpufleet.schema.workloads import LLMServing, Profiled, Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.hardware import NodeType
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
        _check_times(loc, workload, instance, findings)
        if isinstance(workload, Training) and workload.redundancy.survive_site_loss:
            message = (
                "a training run is at one site at a time and cannot go on elsewhere without a restart; remove it "
                "(spare_nodes keeps room to restart the run)"
            )
            findings.add((*loc, "redundancy", "survive_site_loss"), message)
        if isinstance(workload, Profiled):
            _check_profiled(loc, workload, shelf, findings)
        else:
            check_models(loc, workload, models, findings)


def check_values(instance: Instance, findings: Findings) -> None:
    """Note priorities of which some workloads have a value and others none: shares and dollars do not add up."""
    first_valued: dict[int, str] = {}
    for workload in instance.workloads:
        if workload.value_usd is not None:
            first_valued.setdefault(workload.priority, workload.name)
    for number, workload in enumerate(instance.workloads):
        valued = first_valued.get(workload.priority)
        if workload.value_usd is None and valued is not None:
            message = (
                f"missing field; {valued} has the same priority {workload.priority} and a value_usd, and what is left "
                "unserved is compared by value then; give one here too, or another priority"
            )
            findings.add(("workloads", number, "value_usd"), message)


def _check_times(loc: Loc, workload: Workload, instance: Instance, findings: Findings) -> None:
    """Periods and stages that a workload names exist, and leave it something to do."""
    periods = {period.name: period.demand_factor for period in instance.periods}
    stages = {stage.name: stage.demand_factor for stage in instance.stages}
    if isinstance(workload, Training):
        for kind, asked, known in (("period", workload.periods, periods), ("stage", workload.stages, stages)):
            for place, name in enumerate(asked or ()):
                if name not in known:
                    findings.unknown((*loc, f"{kind}s", place), kind, name, known)
        _check_restarts(workload, instance, findings)
        return
    _check_factors((*loc, "stage_factors"), workload.stage_factors, "stage", stages, findings)
    if stages and not any({**stages, **workload.stage_factors}.values()):
        findings.add((*loc, "stage_factors"), "no demand: the factor is 0 in every stage; remove the workload")
    if workload.growth_per_year and not stages:
        findings.add((*loc, "growth_per_year"), "growth shows from stage to stage, but there are no stages; add some")
    _check_factors((*loc, "demand_factors"), workload.demand_factors, "period", periods, findings)
    for number, member in enumerate(workload.classes):
        here: Loc = (*loc, "classes", number, "demand_factors")
        _check_factors(here, member.demand_factors, "period", periods, findings)
    usual = {**periods, **workload.demand_factors}
    rated = [member for member in workload.classes if member.requests_per_s] or workload.classes
    if periods and not any(any({**usual, **member.demand_factors}.values()) for member in rated):
        findings.add((*loc, "demand_factors"), "no demand: the factor is 0 in every period; remove the workload")


def _check_restarts(workload: Training, instance: Instance, findings: Findings) -> None:
    """Restarts are counted by occurrence of a period, so every period in which the run may go on needs their number."""
    for number, period in enumerate(instance.periods if workload.restart_minutes else ()):
        if period.occurrences is None and (workload.periods is None or period.name in workload.periods):
            message = (
                f"missing field; {workload.name} loses restart_minutes {workload.restart_minutes:g} at every start in "
                f"{period.name}; say how often it comes in the horizon (365 for an hour of the typical day), or cover "
                "restarts by restart_overhead_fraction"
            )
            findings.add(("periods", number, "occurrences"), message)


def _check_factors(
    loc: Loc, own: Mapping[str, float], kind: str, known: Mapping[str, float], findings: Findings
) -> None:
    for name in own:
        if name not in known:
            findings.unknown((*loc, name), kind, name, known)


def check_disaggregation(instance: Instance, node_types: Mapping[str, NodeType], findings: Findings) -> None:
    """Note workloads that ask for replicas of two instances or more where nothing that is offered can hold two."""
    room = any(
        node.largest_replica is None and (node.accelerators > 1 or node.network_gb_s is not None)
        for node in node_types.values()
    )
    for number, workload in enumerate(instance.workloads):
        if isinstance(workload, LLMServing) and workload.disaggregated and node_types and not room:
            message = (
                "prefill and decode need two accelerators that reach each other, but every node on offer has one and "
                "no network; offer larger nodes, give network_gb_s, or remove it"
            )
            findings.add(("workloads", number, "disaggregated"), message)


def _check_profiled(loc: Loc, workload: Profiled, shelf: Shelf, findings: Findings) -> None:
    classes = [member.name for member in workload.classes]
    for number, option in enumerate(workload.options):
        here: Loc = (*loc, "options", number)
        if shelf.node_type(option.node_type) is None:
            findings.unknown((*here, "node_type"), "node type", option.node_type, shelf.node_type_names, IN_LIBRARY)
        for name in option.rates:
            if name not in classes:
                findings.unknown((*here, "rates", name), "class", name, classes, "this workload has no such class")
        for place, figure in enumerate(option.accuracy):
            if figure.relaxed_at_least is not None:
                message = "is for floors; this is a measured figure, which cannot be relaxed; leave it out"
                findings.add((*here, "accuracy", place, "relaxed_at_least"), message)
    check_metrics(
        loc, workload, {floor.metric for option in workload.options for floor in option.accuracy}, "option", findings
    )
