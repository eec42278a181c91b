"""Problems from the literature: optima by hand, and every back end agrees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gpufleet import load_instance, solve, verify
from gpufleet.edits.caps import Cap, with_cap
from gpufleet.library import import_melange, resolve, write_instance

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def folder(root: Path) -> Path:
    return root / "instances/profiled"


def fleet(plan: Plan) -> dict[str, int]:
    return {entry.offer: entry.count for entry in plan.nodes}


def cost(plan: Plan) -> float | None:
    assert plan.certificate is not None
    return plan.certificate.objective_usd


# Mélange's example. In classes (in0-out0, in0-out1, in1-out0, in1-out1) of 6, 3, 15, 6 requests/s:
#   A10G       6/2 + 3/1 + 15/5 + 6/2 = 12 of them
#   A100-80GB  6/20 + 3/20 + 15/40 + 6/20 = 1.125 of them
# Below 4.68 USD/h lie one A100 alone (1 < 1.125) and up to four A10G without an A100 (4 < 12): both too small.
# One of each is just enough: 5 of the 15 in1-out0 requests fill the A10G (5/5 = 1), and what is left fills the A100
# (6/20 + 3/20 + 10/40 + 6/20 = 1). So 3.67 + 1.01 = 4.68.
MELANGE_OPTIMUM = 4.68


@pytest.mark.parametrize("file", ["melange-example.yaml", "melange-example.json"])
def test_melange_example(root: Path, file: str, backend: str) -> None:
    path = folder(root) / file
    resolved = load_instance(path) if path.suffix == ".yaml" else resolve(import_melange(path))
    plan = solve(resolved, backend=backend)  # type: ignore[arg-type]
    assert plan.status == "optimal"
    assert cost(plan) == MELANGE_OPTIMUM
    assert fleet(plan) == {"A10G": 1, "A100-80GB": 1}
    assert [entry.utilisation for entry in plan.deployments] == pytest.approx([1, 1])
    assert verify(resolved, plan).ok


def test_the_melange_instance_is_what_import_writes(root: Path, tmp_path: Path) -> None:
    written = tmp_path / "melange-example.yaml"
    write_instance(import_melange(folder(root) / "melange-example.json"), written)
    kept = folder(root) / "melange-example.yaml"
    again = "gpufleet import melange instances/profiled/melange-example.json --out instances/profiled/{}".format
    assert written.read_text() == kept.read_text(), f"not current; run: {again(kept.name)}"


def melange(root: Path, tmp_path: Path, **throughputs: list[list[float]]) -> ResolvedInstance:
    """Mélange's example with other throughputs."""
    config: dict[str, Any] = json.loads((folder(root) / "melange-example.json").read_text())
    for gpu, matrix in throughputs.items():
        config["gpu_info"][gpu.replace("_", "-")]["tputs"] = matrix
    (tmp_path / "config.json").write_text(json.dumps(config))
    return resolve(import_melange(tmp_path / "config.json"))


def test_a_throughput_of_zero_cannot_serve(root: Path, tmp_path: Path, backend: str) -> None:
    # the A10G is left with in1-out0, which is all that the optimum gives it: still 4.68
    plan = solve(melange(root, tmp_path, A10G=[[0, 0], [5, 0]]), backend=backend)  # type: ignore[arg-type]
    assert cost(plan) == MELANGE_OPTIMUM
    assert {route.request_class for route in plan.routing if route.deployment == 1} == {"in1-out0"}
    # the A10G serves only in0-out1, 1 request/s each. Two A100 cost 7.34; one A100 and three A10G (6.70) take all 3
    # requests/s of it, which leaves 6/20 + 15/40 + 6/20 = 0.975 <= 1; with two A10G, 1/20 more: 1.025 > 1
    plan = solve(melange(root, tmp_path, A10G=[[0, 1], [0, 0]]), backend=backend)  # type: ignore[arg-type]
    assert cost(plan) == 6.70
    assert fleet(plan) == {"A10G": 3, "A100-80GB": 1}


def test_a_gpu_that_serves_nothing_is_not_taken(root: Path, tmp_path: Path, backend: str) -> None:
    # two A100 carry 1.125
    plan = solve(melange(root, tmp_path, A10G=[[0, 0], [0, 0]]), backend=backend)  # type: ignore[arg-type]
    assert (plan.status, cost(plan), fleet(plan)) == ("optimal", 7.34, {"A100-80GB": 2})


def test_a_class_that_nothing_serves_is_infeasible(root: Path, tmp_path: Path, backend: str) -> None:
    zero = [[0.0, 1.0], [5.0, 2.0]]
    plan = solve(melange(root, tmp_path, A10G=zero, A100_80GB=zero), backend=backend)  # type: ignore[arg-type]
    assert (plan.status, plan.nodes) == ("infeasible", ())


# The form of Jiang et al. Measured in H100 (requests/s over an H100's rate), the demand is
#   24/27.786 + 14/15.244 + 10/10.307 = 0.8637 + 0.9184 + 0.9702 = 2.7523
# and one node is worth at most its best ratio over the classes:
#   L40S  max(8.332/27.786, 4.054/15.244, 2.62/10.307)  = 0.2999
#   A100  max(6.246/27.786, 3.786/15.244, 2.566/10.307) = 0.2490
# With the stock of 2 H100 and 2 L40S that is 2 + 0.5997 = 2.5997 < 2.7523, so at least one A100 is needed.
#   2 H100, 2 L40S, 1 A100:  2 x 4.176 + 2 x 1.908 + 2.736 = 14.904 USD/h, and it is enough (2.8487): the L40S take
#     16.664 long prompts, the A100 2.566 long answers, and the H100 carry the rest, 1.9036 of 2
#   2 H100, 1 L40S:          0.7523 - 0.2999 = 0.4525 needs 2 A100: 15.732
#   2 H100, no L40S:         0.7523 needs 4 A100: 19.296
#   1 H100:                  1.7523 - 0.5997 = 1.1526 needs 5 A100, more than the 4 in stock
JIANG_OPTIMUM = 14.904


@pytest.fixture(scope="module")
def jiang(root: Path) -> ResolvedInstance:
    return load_instance(folder(root) / "jiang-2025-form.yaml")


def test_heterogeneous_gpus_under_budget_and_stock(jiang: ResolvedInstance, backend: str) -> None:
    plan = solve(jiang, backend=backend)  # type: ignore[arg-type]
    assert plan.status == "optimal"
    assert cost(plan) == JIANG_OPTIMUM
    assert fleet(plan) == {"a100": 1, "h100": 2, "l40s": 2}
    assert verify(jiang, plan).ok


@pytest.mark.parametrize(("cap", "status"), [(14.904, "optimal"), (14.903, "infeasible"), (60.0, "optimal")])
def test_the_budget_binds_exactly(jiang: ResolvedInstance, cap: float, status: str, backend: str) -> None:
    plan = solve(with_cap(jiang, Cap("horizon_usd"), cap), backend=backend)  # type: ignore[arg-type]
    assert plan.status == status
    assert cost(plan) == (JIANG_OPTIMUM if status == "optimal" else None)


# Own measurements, at the 90 % of them that may be used. Of `short`, an H100 sustains 0.9 x 22.52 = 20.27 requests/s,
# an L40S 0.9 x 9.9 = 8.91 (its time per output token keeps 50 ms until close to its last point); of `long`, between
# measured sizes, 8.87 and 3.14. So 20 of `short` and 5 of `long` take 20/20.27 + 5/8.87 = 1.55 H100 (2 x 3 USD/h), or
# 20/8.91 + 5/3.14 = 3.84 L40S (4 x 1.2 = 4.8); one H100 leaves 0.55 of the work to 1.37 L40S or more (3 + 2.4 = 5.4).
OWN_OPTIMUM = 3_456.0
"""4.8 USD/h for 720 hours."""
MODELLED_OPTIMUM = 2_160.0
"""One H100."""


def test_own_measurements_choose_another_fleet_than_the_model(root: Path, backend: str) -> None:
    resolved = load_instance(folder(root) / "own-measurements.yaml")
    plan = solve(resolved, backend=backend)  # type: ignore[arg-type]
    assert fleet(plan) == {"l40s": 4}
    assert cost(plan) == OWN_OPTIMUM
    (deployment,) = plan.deployments
    assert deployment.utilisation == pytest.approx((20 / 8.91 + 5 / 3.14) / 4, rel=0.002)
    assert deployment.provenance == "interpolated"
    assert deployment.evidence == "vLLM 0.8.5 (own-measurements.csv:18-33)"
    assert verify(resolved, plan).ok


def test_without_measurements_the_model_chooses(root: Path) -> None:
    measured = load_instance(folder(root) / "own-measurements.yaml")
    resolved = resolve(measured.instance.model_copy(update={"measurements": ()}), path=measured.path)
    plan = solve(resolved)
    assert fleet(plan) == {"h100": 1}
    assert cost(plan) == MODELLED_OPTIMUM
    model = ("modelled", "performance model, calibration bundled")
    assert {(entry.provenance, entry.evidence) for entry in plan.deployments} == {model}
    assert resolved.digest != measured.digest
