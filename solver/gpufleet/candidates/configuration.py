"""One configuration, or some, out of an array of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gpufleet.schema.plan import Parallelism

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gpufleet.performance.estimate import Configurations


def parallelism_at(configurations: Configurations, index: int) -> Parallelism:
    """The parallelism of one configuration."""
    return _parallelism(
        int(configurations.tensor[index]),
        int(configurations.pipeline[index]),
        int(configurations.data[index]),
        int(configurations.expert[index]),
        int(configurations.zero_stage[index]),
        bool(configurations.recomputation[index]),
        int(configurations.prefill_instances[index]),
        int(configurations.prefill_tensor[index]),
    )


@lru_cache(maxsize=4096)
def _parallelism(
    tensor: int,
    pipeline: int,
    data: int,
    expert: int,
    zero_stage: int,
    recomputation: bool,
    prefill_instances: int,
    prefill_tensor: int,
) -> Parallelism:
    """Few forms are met again and again."""
    return Parallelism(
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        expert=expert,
        zero_stage=zero_stage,
        recomputation=recomputation,
        prefill_instances=prefill_instances,
        prefill_tensor=prefill_tensor,
    )


def subset(configurations: Configurations, indices: npt.NDArray[np.int64]) -> Configurations:
    """The configurations at the given positions."""
    return configurations.at(indices)


def label_at(configurations: Configurations, index: int) -> str:
    """Parallelism and batch of one configuration, e.g. `tp8-dp8-zero3/b2`."""
    return f"{parallelism_at(configurations, index).label}/b{int(configurations.batch[index])}"
