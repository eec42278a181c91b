"""No name is used twice where other records refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.workloads import Workload

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
    if isinstance(workload, Profiled):
        findings.repeated((*loc, "options"), [option.name for option in workload.options])
        return
    bounds = [f"{bound.metric} p{bound.percentile:g}" for bound in workload.slo]
    findings.repeated((*loc, "slo"), bounds, "percentile")
