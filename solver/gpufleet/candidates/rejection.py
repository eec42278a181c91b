"""Why candidates died: typed, with limit, actual value and unit.

A rule usually kills a whole block of candidates (one variant on one pool, many parallelisms and batches), so
rejections are kept as blocks of arrays and expanded only when somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from gpufleet.candidates.configuration import label_at
from gpufleet.schema.elimination import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from gpufleet.performance.estimate import Configurations

Rule = Literal[
    "memory",
    "precision",
    "replica_size",
    "measured",
    "deadline",
    "latency",
    "throughput",
    "software",
    "method",
    "measure",
    "spot",
    "privacy",
    "accuracy",
    "allowed_precision",
    "allowed_accelerator",
    "allowed_parallelism",
    "stock",
    "dominated",
]
"""The rules in the order in which they are applied: memory sets the ceiling, compute sets the efficiency, the
scenario decides."""


@dataclass(frozen=True)
class Block:
    """Candidates of one workload, pool and variant that one rule eliminated."""

    workload: str
    rule: Rule
    site: str
    node_type: str
    variant: str
    candidates: Configurations
    """Parallelism and batch of the candidates."""
    limit: float | str
    """What the rule allows."""
    actual: npt.NDArray[np.float64] | str
    """What each candidate has (one text when it is the same for all)."""
    unit: str
    at_least: bool = False
    """True when the limit is a minimum, so that larger values are nearer."""

    def __len__(self) -> int:
        return len(self.candidates.tensor)

    def nearest(self) -> int:
        """Index of the candidate that came nearest to passing."""
        if isinstance(self.actual, str):
            return 0
        return int(np.argmax(self.actual) if self.at_least else np.argmin(self.actual))

    def summary(self) -> Rejected:
        """One row: how many, and the nearest miss."""
        index = self.nearest()
        actual = self.actual if isinstance(self.actual, str) else _significant(float(self.actual[index]))
        limit = self.limit if isinstance(self.limit, str) else _significant(float(self.limit))
        return Rejected(
            workload=self.workload,
            rule=self.rule,
            site=self.site,
            node_type=self.node_type,
            variant=self.variant,
            count=len(self),
            nearest=label_at(self.candidates, index),
            limit=limit,
            actual=actual,
            unit=self.unit,
        )


def _significant(value: float) -> float:
    """Six significant digits: a report, not an input of any decision."""
    return float(f"{value:.6g}")


@dataclass
class Rejections:
    """All blocks, in the order in which they were found."""

    blocks: list[Block] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Keep a block; empty ones are dropped."""
        if len(block):
            self.blocks.append(block)

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)

    def summaries(self) -> tuple[Rejected, ...]:
        """One row per block."""
        return tuple(block.summary() for block in self.blocks)

    def count(self, workload: str, rule: Rule) -> int:
        """How many candidates of a workload a rule eliminated."""
        return sum(len(b) for b in self.blocks if b.workload == workload and b.rule == rule)
