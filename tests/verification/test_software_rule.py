"""A model runs only where a runtime of its card runs it: rejected by name, and caught in a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import accelerator
from gpufleet import load_instance, solve, verify
from gpufleet.schema.models import Runtime, Variant

CASE = Path(__file__).parents[2] / "instances" / "reference" / "ecommerce-recommender.yaml"


@pytest.mark.parametrize(
    ("filters", "runs"),
    [
        ({}, True),
        ({"vendors": ("Vendor",), "kinds": ("gpu",), "families": ("Family",), "precisions": ("int8",)}, True),
        ({"vendors": ("Other",)}, False),
        ({"kinds": ("cpu", "npu")}, False),
        ({"families": ("Hopper",)}, False),
        ({"precisions": ("fp16", "fp32")}, False),
    ],
)
def test_every_filter_that_is_given_must_match(filters: dict[str, tuple[str, ...]], runs: bool) -> None:
    runtime = Runtime(name="any", source="test", **filters)  # type: ignore[arg-type]
    assert runtime.runs(accelerator(), Variant(name="v", precision="int8")) is runs


def test_accelerators_without_a_runtime_are_rejected_by_name() -> None:
    asked = load_instance(CASE)
    plan = solve(asked)
    rejected = {asked.accelerator_of(row.node_type).name: row for row in plan.rejections if row.rule == "software"}
    assert "Inferentia2" in rejected
    assert rejected["Inferentia2"].limit == "one of TensorRT, PyTorch"
    # what runs nowhere for lack of memory or arithmetic is not blamed on software; NVIDIA and CPUs never are
    assert all(asked.accelerators[name].vendor != "NVIDIA" for name in rejected)
    assert all(asked.accelerators[name].kind != "cpu" for name in rejected)


def test_a_plan_on_such_an_accelerator_is_caught() -> None:
    asked = load_instance(CASE)
    plan = solve(asked)
    moved = plan.deployments[0].model_copy(update={"node_type": "aws-inf2.xlarge", "site": "aws-us-east-1"})
    report = verify(asked, plan.model_copy(update={"deployments": (moved, *plan.deployments[1:])}))
    assert "software" in report.broken_rules
