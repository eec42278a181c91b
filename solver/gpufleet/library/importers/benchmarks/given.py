"""What the user says beside a result file: the file knows the figures, not the machine."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime

BESIDE = ("from_model", "from_hardware", "replicas")
"""What is no column."""


@dataclass(frozen=True)
class Given:
    """Columns for all rows of an import; what is given wins over what the file says."""

    model: str
    variant: str
    accelerator: str
    node_type: str | None = None
    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    engine: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None
    batch: int | None = None
    concurrency: float | None = None
    source: str | None = None
    as_of: datetime.date | None = None
    from_model: str | None = None
    """llm-d-planner: model repository of the rows to take."""
    from_hardware: str | None = None
    """llm-d-planner: hardware of the rows to take."""
    replicas: int = 1
    """MLPerf: equal replicas among which the system's rate is divided."""

    @property
    def accelerators(self) -> int:
        """Accelerators of one replica."""
        return self.tensor * self.pipeline * self.data

    def columns(self) -> dict[str, Any]:
        """The columns that are given."""
        named = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in BESIDE}
        return {name: value for name, value in named.items() if value is not None}
