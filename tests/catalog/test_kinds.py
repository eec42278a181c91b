"""Every node type of the catalogue is known well enough to be rated: CPUs, TPUs, NPUs and GPUs of all vendors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gpufleet import Library
from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import ItemClass, RequestServing

if TYPE_CHECKING:
    from gpufleet.schema.hardware import NodeType

LIBRARY = Library.open()
CARD = LIBRARY.model("resnet-50")
WORK = RequestServing(
    name="w", kind="request_serving", model=CARD.name, classes=(ItemClass(name="image", requests_per_s=1.0),)
)


@pytest.mark.parametrize("node", LIBRARY.node_types.values(), ids=lambda node: node.name)
def test_a_small_network_can_be_rated_on_it(node: NodeType) -> None:
    unit = LIBRARY.accelerators[node.accelerator]
    one = Configurations.of([(Parallelism(), 1)])
    found = [
        estimate(WORK, CARD, variant, unit, node, one, efficiency=Efficiency.of(LIBRARY.calibration))
        for variant in CARD.variants
    ]
    able = [figures for figures in found if figures.precision_supported]
    assert able
    assert any(figures.memory_gb[0] <= figures.memory_limit_gb and figures.max_rate[0, 0] > 0 for figures in able)


def test_all_kinds_are_there() -> None:
    found = {
        (LIBRARY.accelerators[node.accelerator].vendor, LIBRARY.accelerators[node.accelerator].kind)
        for node in LIBRARY.node_types.values()
    }
    assert found >= {
        ("Intel", "cpu"),
        ("AMD", "cpu"),
        ("Google", "tpu"),
        ("Huawei", "npu"),
        ("AMD", "gpu"),
        ("NVIDIA", "gpu"),
    }
