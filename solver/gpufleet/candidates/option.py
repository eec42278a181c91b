"""A deployment option that survived every filter, and the whole set of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from gpufleet.schema.plan import Parallelism

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    import numpy.typing as npt

    from gpufleet.candidates.rejection import Rejections
    from gpufleet.performance.estimate import Configurations
    from gpufleet.schema.plan import FunnelStep


@dataclass(frozen=True, slots=True)
class Option:
    """What one replica is, where it can run, and what rate of each class it sustains inside the SLOs."""

    workload: str
    site: str
    node_type: str
    variant: str | None
    """Variant of the model card; None for a profiled option."""
    profile: str | None
    """Name of the profiled option; None otherwise."""
    parallelism: Parallelism
    batch: int
    accelerators: int
    """Accelerators per replica."""
    rates: tuple[Fraction, ...]
    """Requests/s of each class, if the replica serves that class alone; 0 = cannot. Training: (1,), one run."""

    @property
    def label(self) -> str:
        """Short form for messages and variable names."""
        return f"{self.variant or self.profile}/{self.parallelism.label}/b{self.batch}"


def parallelism_at(configurations: Configurations, index: int) -> Parallelism:
    """The parallelism of one configuration."""
    return Parallelism(
        tensor=int(configurations.tensor[index]),
        pipeline=int(configurations.pipeline[index]),
        data=int(configurations.data[index]),
        expert=int(configurations.expert[index]),
        zero_stage=int(configurations.zero_stage[index]),
        recomputation=bool(configurations.recomputation[index]),
    )


def subset(configurations: Configurations, indices: npt.NDArray[np.int64]) -> Configurations:
    """The configurations at the given positions."""
    return replace(configurations, **{f.name: getattr(configurations, f.name)[indices] for f in fields(configurations)})


def label_at(configurations: Configurations, index: int) -> str:
    """Parallelism and batch of one configuration, e.g. `tp8-dp8-zero3/b2`."""
    return f"{parallelism_at(configurations, index).label}/b{int(configurations.batch[index])}"


@dataclass(frozen=True)
class Candidates:
    """Everything enumeration found."""

    options: dict[str, tuple[Option, ...]]
    """Surviving options by workload, in a fixed order."""
    rejections: Rejections
    """Every eliminated candidate, with its reason."""
    funnel: tuple[FunnelStep, ...]
    """Counts per workload and rule, in the order in which rules were applied."""
