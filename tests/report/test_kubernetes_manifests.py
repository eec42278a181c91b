"""Manifests of plans that are quick to find or written by hand; more in tests/acceptance/test_export_estates.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gpufleet import KubernetesSettings, Manifests, Plan, ResolvedInstance, kubernetes_manifests, load_instance, solve
from gpufleet.report.kubernetes.clock import parse_window
from gpufleet.schema.parallelism import Parallelism
from gpufleet.schema.plan import Deployment
from manifest_checks import arguments, assert_valid, of_kind

ESTATE = Path(__file__).parents[2] / "instances" / "estate"


@pytest.fixture(scope="module")
def two_sites() -> tuple[ResolvedInstance, Plan]:
    asked = load_instance(ESTATE / "two-sites.yaml")
    return asked, solve(asked)


@pytest.fixture(scope="module")
def disaggregated() -> ResolvedInstance:
    return load_instance(ESTATE / "disaggregated-assistant.yaml")


def on_h100(parallelism: Parallelism, batch: int = 64, replicas: int = 1) -> Plan:
    """A plan for the disaggregated assistant, written by hand."""
    entry = Deployment(
        workload="assistant",
        site="lambda-us-east-1",
        node_type="lambda-gpu_8x_h100_sxm5",
        replicas=replicas,
        variant="fp8",
        parallelism=parallelism,
        batch=batch,
        memory_limit_gb=77.28,
    )
    return Plan(schema_version=1, instance="disaggregated-assistant", deployments=(entry,))


def test_a_workload_at_two_sites_is_pinned_spread_and_guarded(two_sites: tuple[ResolvedInstance, Plan]) -> None:
    found = kubernetes_manifests(*two_sites)
    assert_valid(found)
    deployments = {member["metadata"]["labels"]["gpufleet/site"]: member for member in of_kind(found, "Deployment")}
    assert set(deployments) == {"dublin", "frankfurt"}
    pod = deployments["dublin"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpufleet/node-type": "rented-h100-4x", "gpufleet/site": "dublin"}
    assert pod["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    assert {entry["topologyKey"] for entry in pod["topologySpreadConstraints"]} >= {"topology.kubernetes.io/zone"}
    guarded = {
        member["metadata"]["labels"]["app.kubernetes.io/component"] for member in of_kind(found, "PodDisruptionBudget")
    }
    assert guarded == {"assistant"}
    assert sum("engine-unknown" in warning for warning in found.warnings) == 3


def test_routing_names_services_that_exist_and_shares_add_up(two_sites: tuple[ResolvedInstance, Plan]) -> None:
    found = kubernetes_manifests(*two_sites)
    services = {member["metadata"]["name"] for member in of_kind(found, "Service")}
    routing = next(member for member in of_kind(found, "ConfigMap") if member["metadata"]["name"] == "routing")
    for period in json.loads(routing["data"]["assistant.json"]).values():
        for shares in period.values():
            assert set(shares) <= services
            assert sum(shares.values()) == pytest.approx(1)


def test_one_site_alone(two_sites: tuple[ResolvedInstance, Plan]) -> None:
    found = kubernetes_manifests(*two_sites, KubernetesSettings(site="dublin", namespace="serving"))
    assert_valid(found)
    assert {member["metadata"]["labels"]["gpufleet/site"] for member in of_kind(found, "Deployment")} == {"dublin"}
    assert {member["metadata"]["namespace"] for member in of_kind(found, "Service")} == {"serving"}


def test_the_same_plan_gives_the_same_bytes(two_sites: tuple[ResolvedInstance, Plan]) -> None:
    assert kubernetes_manifests(*two_sites).files() == kubernetes_manifests(*two_sites).files()


def test_images_stand_in_one_place(two_sites: tuple[ResolvedInstance, Plan]) -> None:
    found = kubernetes_manifests(*two_sites, KubernetesSettings(images={"other": "registry.local:5000/server:1"}))
    pinned = yaml.safe_load(found.files()["kustomization.yaml"])["images"]
    assert pinned == [{"name": "registry.local:5000/server", "newTag": "1"}]
    digest = kubernetes_manifests(*two_sites, KubernetesSettings(images={"other": f"server@sha256:{'a' * 64}"}))
    assert yaml.safe_load(digest.files()["kustomization.yaml"])["images"] == []


def test_prefill_and_decode_are_deployments_of_their_own(disaggregated: ResolvedInstance) -> None:
    shape = Parallelism(tensor=4, data=2, prefill_instances=3, prefill_tensor=2)
    found = kubernetes_manifests(disaggregated, on_h100(shape, batch=64, replicas=2))
    assert_valid(found)
    roles = {
        member["spec"]["template"]["metadata"]["labels"]["gpufleet/role"]: member
        for member in of_kind(found, "Deployment")
    }
    assert {role: member["spec"]["replicas"] for role, member in roles.items()} == {"prefill": 6, "decode": 4}
    for role, tensor in (("prefill", 2), ("decode", 4)):
        container = roles[role]["spec"]["template"]["spec"]["containers"][0]
        assert [word for word in container["args"] if "tensor-parallel" in word] == [f"--tensor-parallel-size={tensor}"]
        assert container["resources"]["limits"] == {"nvidia.com/gpu": str(tensor)}
        assert "--max-num-seqs=32" in container["args"]
    assert any("router" in warning for warning in found.warnings)


def test_pipeline_stages_over_nodes_are_one_group_of_pods(disaggregated: ResolvedInstance) -> None:
    found = kubernetes_manifests(disaggregated, on_h100(Parallelism(tensor=8, pipeline=2)))
    assert_valid(found)
    (group,) = of_kind(found, "LeaderWorkerSet")
    assert group["spec"]["leaderWorkerTemplate"]["size"] == 2
    leader, worker = arguments(found, "assistant")
    shared = {"--tensor-parallel-size=8", "--pipeline-parallel-size=2", "--nnodes=2", "--max-model-len=6300"}
    assert shared <= set(leader)
    assert shared <= set(worker)
    assert "--node-rank=0" in leader
    assert {"--node-rank=$(LWS_WORKER_INDEX)", "--headless"} <= set(worker)
    (service,) = of_kind(found, "Service")
    assert service["spec"]["selector"]["gpufleet/role"] == "leader"


def test_data_parallel_ranks_over_nodes_start_where_the_others_end(disaggregated: ResolvedInstance) -> None:
    found = kubernetes_manifests(disaggregated, on_h100(Parallelism(tensor=2, data=8, expert=16), batch=128))
    assert_valid(found)
    leader, worker = arguments(found, "assistant")
    assert {
        "--data-parallel-size=8",
        "--data-parallel-size-local=4",
        "--max-num-seqs=16",
        "--enable-expert-parallel",
    } <= {*leader}
    assert "--data-parallel-start-rank=$((LWS_WORKER_INDEX * 4))" in worker[0]
    assert not found.warnings


def test_experts_on_some_of_the_accelerators_are_named(disaggregated: ResolvedInstance) -> None:
    found = kubernetes_manifests(disaggregated, on_h100(Parallelism(tensor=8, expert=4)))
    assert [warning.split(": ")[1] for warning in found.warnings] == ["expert-parallel-size"]


def by_period(path: str, counts: dict[str, int]) -> tuple[ResolvedInstance, Plan]:
    """Search on L4s, with so many replicas by period."""
    asked = load_instance(ESTATE / path)
    entries = tuple(
        Deployment(
            workload="search",
            site="aws-us-east-1",
            node_type="aws-g6.xlarge",
            replicas=count,
            period=period,
            variant="fp16",
            batch=64,
        )
        for period, count in counts.items()
    )
    return asked, Plan(schema_version=1, instance=asked.instance.uid, deployments=entries)


COUNTS = {"morning": 2, "afternoon": 3, "evening": 1, "night": 1}
CLOCK = {"morning": "06:00-14:00", "afternoon": "14:00-22:00", "evening": "22:00-02:00", "night": "02:00-06:00"}


def test_replicas_follow_the_clock() -> None:
    asked, plan = by_period("training-mix.yaml", COUNTS)
    clock = {name: parse_window(text) for name, text in CLOCK.items()}
    found = kubernetes_manifests(asked, plan, KubernetesSettings(clock=clock, timezone="Europe/Berlin"))
    assert_valid(found)
    (scaled,) = of_kind(found, "ScaledObject")
    assert (scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]) == (1, 3)
    said = {
        trigger["metadata"]["start"]: trigger["metadata"]["desiredReplicas"] for trigger in scaled["spec"]["triggers"]
    }
    assert said == {"0 6 * * *": "2", "0 14 * * *": "3"}
    assert "replicas" not in of_kind(found, "Deployment")[0]["spec"]
    assert not found.warnings


def test_without_a_clock_the_busiest_period_counts_and_a_warning_says_so() -> None:
    found = kubernetes_manifests(*by_period("training-mix.yaml", COUNTS))
    assert_valid(found)
    assert of_kind(found, "Deployment")[0]["spec"]["replicas"] == 3
    assert [warning.split(": ")[1] for warning in found.warnings] == ["no-clock"]


def test_a_window_of_another_length_than_its_period_is_named() -> None:
    asked, plan = by_period("training-mix.yaml", COUNTS)
    clock = {name: parse_window(text) for name, text in {**CLOCK, "night": "02:00-03:00"}.items()}
    found = kubernetes_manifests(asked, plan, KubernetesSettings(clock=clock))
    assert ["clock" in warning and "night" in warning for warning in found.warnings] == [True]


def test_triton_gets_the_batch_and_its_share_of_the_host() -> None:
    found: Manifests = kubernetes_manifests(*by_period("training-mix.yaml", dict.fromkeys(COUNTS, 2)))
    assert_valid(found)
    (config,) = of_kind(found, "ConfigMap")
    assert "max_batch_size: 64" in config["data"]["config.pbtxt"]
    pod = of_kind(found, "Deployment")[0]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {
        "node.kubernetes.io/instance-type": "g6.xlarge",
        "topology.kubernetes.io/region": "us-east-1",
    }
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": "3200m", "memory": "13107Mi", "nvidia.com/gpu": "1"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_a_part_of_a_tpu_machine_is_named() -> None:
    asked = load_instance(ESTATE / "heterogeneous.yaml")
    entry = Deployment(
        workload="public-chat",
        site="gcp-singapore",
        node_type="gcp-ct5lp-hightpu-8t",
        replicas=1,
        variant="bf16",
        parallelism=Parallelism(tensor=2),
    )
    found = kubernetes_manifests(asked, Plan(schema_version=1, instance="heterogeneous", deployments=(entry,)))
    assert_valid(found)
    assert {warning.split(": ")[1] for warning in found.warnings} == {"engine-not-tried", "whole-machine"}
    pod = of_kind(found, "Deployment")[0]["spec"]["template"]["spec"]
    assert pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == "2x4"
    assert pod["containers"][0]["resources"]["limits"] == {"google.com/tpu": "2"}
