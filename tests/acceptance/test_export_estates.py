"""Exports of the reference cases and of estates: other solvers agree, and Kubernetes would take the manifests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from gpufleet import (
    KubernetesSettings,
    Plan,
    ResolvedInstance,
    export_program,
    kubernetes_manifests,
    load_instance,
    solve,
)
from gpufleet.exporting.files import lp_text, mps_text
from manifest_checks import arguments, assert_valid, of_kind
from other_solvers import by_cbc, by_highs

INSTANCES = Path(__file__).parents[2] / "instances"
REFERENCE = ("bank-assistant", "ecommerce-recommender", "medical-imaging")
PROGRAMS = (*REFERENCE, "day-and-night", "mig-slices", "n-plus-one", "two-sites", "measures", "training-mix")
PROGRAMS += ("shared-assistant", "three-years", "small-where-good-enough", "spot-and-terms")
MANIFESTS = (*PROGRAMS, "disaggregated-assistant", "heterogeneous", "second-sourcing", "prefix-cache")


@cache
def solved(name: str) -> tuple[ResolvedInstance, Plan]:
    folder = "reference" if name in REFERENCE else "estate"
    asked = load_instance(INSTANCES / folder / f"{name}.yaml")
    return asked, solve(asked)


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_solvers_find_the_same_optimum(name: str, tmp_path: Path) -> None:
    asked, plan = solved(name)
    program = export_program(asked, plan)
    assert plan.certificate is not None
    best = pytest.approx(plan.certificate.objective_usd, rel=1e-6)
    assert program.start_note is None
    assert program.start_usd == best
    (tmp_path / "m.lp").write_text(lp_text(program))
    (tmp_path / "m.mps").write_text(mps_text(program))
    assert by_cbc(tmp_path / "m.lp") == best
    assert by_highs(tmp_path / "m.mps") == best


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_is_valid(name: str) -> None:
    asked, plan = solved(name)
    running = set()
    for stage in [stage.name for stage in asked.instance.stages] or [None]:
        found = kubernetes_manifests(asked, plan, KubernetesSettings(stage=stage))
        assert_valid(found)
        targets = [m for kind in ("Deployment", "LeaderWorkerSet", "Job", "CronJob") for m in of_kind(found, kind)]
        running |= {member["metadata"]["labels"]["app.kubernetes.io/component"] for member in targets}
    assert running == {entry.workload for entry in plan.deployments}


def test_the_day_and_night_follow_the_clock() -> None:
    found = kubernetes_manifests(*solved("day-and-night"), KubernetesSettings(timezone="America/New_York"))
    assert len(of_kind(found, "ScaledObject")) >= 2
    assert of_kind(found, "CronJob")
    for scaled in of_kind(found, "ScaledObject"):
        assert scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"]


def test_slices_are_asked_for_by_their_profile() -> None:
    found = kubernetes_manifests(*solved("mig-slices"))
    limits = [
        container["resources"]["limits"]
        for member in of_kind(found, "Deployment")
        for container in member["spec"]["template"]["spec"]["containers"]
    ]
    assert limits == [{"nvidia.com/mig-1g.10gb": "1"}] * 7


def test_replicas_over_nodes_are_groups_and_spare_servers_give_priority() -> None:
    found = kubernetes_manifests(*solved("n-plus-one"))
    (group,) = of_kind(found, "LeaderWorkerSet")
    assert group["spec"]["leaderWorkerTemplate"]["size"] == 2
    (priority,) = of_kind(found, "PriorityClass")
    classes = {
        member["metadata"]["labels"]["app.kubernetes.io/component"]: member["spec"]["template"]["spec"].get(
            "priorityClassName"
        )
        for kind in ("Deployment", "Job")
        for member in of_kind(found, kind)
    }
    assert classes == {
        "code": priority["metadata"]["name"],
        "search": priority["metadata"]["name"],
        "fine-tuning": None,
    }


def test_training_over_nodes_meets_at_its_first_pod() -> None:
    found = kubernetes_manifests(*solved("medical-imaging"))
    (job,) = of_kind(found, "Job")
    (words,) = arguments(found, "tumour-segmentation")
    assert (job["spec"]["completions"], job["spec"]["completionMode"]) == (10, "Indexed")
    assert {"--nnodes=10", "--nproc-per-node=4", "--tensor-model-parallel-size=4"} <= set(words)


def test_accelerators_of_other_vendors_have_their_resources_and_warnings() -> None:
    found = kubernetes_manifests(*solved("heterogeneous"))
    limits = {
        key
        for m in of_kind(found, "Deployment")
        for key in m["spec"]["template"]["spec"]["containers"][0]["resources"].get("limits", {})
    }
    assert {"amd.com/gpu", "huawei.com/Ascend910", "google.com/tpu", "nvidia.com/mig-1g.10gb"} <= limits
    assert sum("format-not-mapped" in warning for warning in found.warnings) == 2


def test_without_a_stage_the_first_is_written_and_a_warning_says_so() -> None:
    found = kubernetes_manifests(*solved("three-years"))
    assert [warning for warning in found.warnings if "stage: these are the replicas of 2027" in warning]
    (replicas,) = {m["spec"]["replicas"] for m in of_kind(found, "Deployment") if "aws" in m["metadata"]["name"]}
    assert replicas == 4
