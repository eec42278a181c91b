"""No name is used twice where other records refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.fields import format_path
from gpufleet.library.wording import show
from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.workloads import LLMServing, RequestServing, Workload

NAMED = ("sites", "offers", "workloads", "accelerators", "node_types", "models", "periods", "stages", "measures")


def check_names(instance: Instance, findings: Findings) -> None:
    """Note every duplicate name in the instance."""
    for collection in NAMED:
        findings.repeated((collection,), [member.name for member in getattr(instance, collection)])
    for number, workload in enumerate(instance.workloads):
        _check_workload(("workloads", number), workload, findings)
    findings.repeated(
        ("rules", "quotas"), [f"{quota.provider}/{quota.accelerator}" for quota in instance.rules.quotas], "accelerator"
    )


def _check_workload(loc: Loc, workload: Workload, findings: Findings) -> None:
    findings.repeated((*loc, "accuracy"), [floor.metric for floor in workload.accuracy], "metric")
    if isinstance(workload, Training):
        return
    findings.repeated((*loc, "classes"), [member.name for member in workload.classes])
    for number, member in enumerate(workload.classes):
        findings.repeated((*loc, "classes", number, "accuracy"), [floor.metric for floor in member.accuracy], "metric")
    if isinstance(workload, Profiled):
        findings.repeated((*loc, "options"), [option.name for option in workload.options])
        return
    _check_bounds(loc, workload, findings)


def _check_bounds(loc: Loc, workload: LLMServing | RequestServing, findings: Findings) -> None:
    """No class has two limits of one percentile."""
    first: dict[tuple[str, str], int] = {}
    for number, bound in enumerate(workload.slo):
        what = f"{bound.metric} p{bound.percentile:g}"
        names = bound.classes or tuple(member.name for member in workload.classes)
        clash = next((name for name in names if (what, name) in first), None)
        if clash is not None:
            before = first[what, clash]
            whole = bound.classes is None and workload.slo[before].classes is None
            place = format_path((*loc, "slo", before))
            message = f"duplicate percentile {show(what)}{'' if whole else f' for class {show(clash)}'}"
            findings.add((*loc, "slo", number, "percentile"), f"{message}: {place} has it already")
        for name in names:
            first.setdefault((what, name), number)
