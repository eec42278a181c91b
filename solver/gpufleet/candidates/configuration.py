"""One configuration, or some, out of an array of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.plan import Parallelism

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gpufleet.performance.estimate import Configurations


def parallelism_at(configurations: Configurations, index: int) -> Parallelism:
    """The parallelism of one configuration."""
    return Parallelism(
        tensor=int(configurations.tensor[index]),
        pipeline=int(configurations.pipeline[index]),
        data=int(configurations.data[index]),
        expert=int(configurations.expert[index]),
        zero_stage=int(configurations.zero_stage[index]),
        recomputation=bool(configurations.recomputation[index]),
        prefill_instances=int(configurations.prefill_instances[index]),
        prefill_tensor=int(configurations.prefill_tensor[index]),
    )


def subset(configurations: Configurations, indices: npt.NDArray[np.int64]) -> Configurations:
    """The configurations at the given positions."""
    return configurations.at(indices)


def label_at(configurations: Configurations, index: int) -> str:
    """Parallelism and batch of one configuration, e.g. `tp8-dp8-zero3/b2`."""
    return f"{parallelism_at(configurations, index).label}/b{int(configurations.batch[index])}"
