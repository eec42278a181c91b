"""A deployment option that survived every filter, and the whole set of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.candidates.rejection import Rejections
    from gpufleet.schema.elimination import FunnelStep
    from gpufleet.schema.plan import Parallelism


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
    """Requests/s of each class, if the replica serves that class alone; 0 = cannot, or not well enough. Training: (1,),
    one run."""
    spot: str | None = None
    """The spot offer whose nodes it takes; its interruptions are in the rates. None = nodes of any other term."""
    measures: tuple[str, ...] = ()
    """Measures that it needs; their effect is in the rates."""
    speed: Fraction = Fraction(1)
    """Factor of measures and interruptions that is in the rates."""
    model: str | None = None
    """Model card, where the workload has alternatives; None: the workload's own."""

    @property
    def label(self) -> str:
        """Short form for messages and variable names."""
        form = variant_label(self.model, self.variant or self.profile or "")
        return f"{form}/{self.parallelism.label}/b{self.batch}"


def variant_label(model: str | None, variant: str) -> str:
    """`model/variant` where there are alternatives, else the variant (or profiled option) alone."""
    return variant if model is None else f"{model}/{variant}"


@dataclass(frozen=True)
class Candidates:
    """Everything enumeration found."""

    options: dict[str, tuple[Option, ...]]
    """Surviving options by workload, in a fixed order."""
    rejections: Rejections
    """Every eliminated candidate, with its reason."""
    funnel: tuple[FunnelStep, ...]
    """Counts per workload and rule, in the order in which rules were applied."""
