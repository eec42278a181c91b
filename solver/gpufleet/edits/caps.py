"""Budget caps by the path of their field: `usd_per_day`, `sites.cloud.usd_per_day`, `workloads.chat.horizon_usd`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gpufleet.edits.changes import redigest
from gpufleet.errors import InputError, InputProblem
from gpufleet.schema.instance import BudgetCaps, StageCaps

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gpufleet.schema.resolved import FieldPath, ResolvedInstance

WHOLE: Final = tuple(BudgetCaps.model_fields)
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "sites": WHOLE,
    "workloads": ("usd_per_day", "horizon_usd"),
    "stages": ("capex_usd",),
}
"""Caps on parts of the plan, by the field of `budgets` that holds them."""
EXAMPLES: Final = "usd_per_day, sites.NAME.usd_per_day, workloads.NAME.usd_per_day, stages.NAME.capex_usd"


@dataclass(frozen=True)
class Cap:
    """One field of `budgets`."""

    field: str
    """`usd_per_day`, `horizon_usd` or `capex_usd`."""
    part: str | None = None
    """`sites`, `workloads` or `stages`; None = the whole plan."""
    name: str = ""
    """Of the site, workload or stage."""

    @classmethod
    def parse(cls, text: str) -> Cap:
        """From the path of the field below `budgets`. Raises ValueError with a message for the user.

        >>> Cap.parse("sites.cloud.usd_per_day")
        Cap(field='usd_per_day', part='sites', name='cloud')
        """
        if text in WHOLE:
            return cls(text)
        part, _, rest = text.partition(".")
        name, _, field = rest.rpartition(".")
        if part not in FIELDS or not name:
            raise ValueError(f"{text!r} is no budget; write one of {', '.join(WHOLE)}, or as in {EXAMPLES}")
        if field not in FIELDS[part]:
            raise ValueError(f"{text!r} is no budget; of {part}, one of {', '.join(FIELDS[part])} can be capped")
        return cls(field, part, name)

    @property
    def loc(self) -> FieldPath:
        """Where the field stands in an instance."""
        return ("budgets", self.field) if self.part is None else ("budgets", self.part, self.name, self.field)

    @property
    def path(self) -> str:
        """As it is written."""
        return self.field if self.part is None else f"{self.part}.{self.name}.{self.field}"

    @property
    def row(self) -> str:
        """Name of its row among the limits of the problem; a workload's cap is no limit on nodes."""
        return f"budget of {self.name} {self.field}" if self.part else f"budget {self.field}"


def with_cap(resolved: ResolvedInstance, cap: Cap, value: float | None) -> ResolvedInstance:
    """The instance with one cap set, or taken away (None).

    Raises InputError when the instance has no such site, workload or stage.
    """
    if cap.part is not None:
        _check_name(resolved, cap)
    return redigest(capped(resolved, cap, value))


def capped(resolved: ResolvedInstance, cap: Cap, value: float | None) -> ResolvedInstance:
    """The same for names that are known to exist; the digest is left alone."""
    budgets = resolved.instance.budgets
    if cap.part is None:
        changed = budgets.model_copy(update={cap.field: value})
    else:
        parts: dict[str, BaseModel] = dict(getattr(budgets, cap.part))
        if cap.part == "stages":
            parts.pop(cap.name, None)
            parts |= {} if value is None else {cap.name: StageCaps(capex_usd=value)}
        else:
            parts[cap.name] = parts.get(cap.name, BudgetCaps()).model_copy(update={cap.field: value})
        changed = budgets.model_copy(update={cap.part: parts})
    return replace(resolved, instance=resolved.instance.model_copy(update={"budgets": changed}))


def _check_name(resolved: ResolvedInstance, cap: Cap) -> None:
    known = {
        "sites": list(resolved.sites),
        "workloads": list(resolved.workloads),
        "stages": [stage.name for stage in resolved.instance.stages],
    }[cap.part or "sites"]
    if cap.name not in known:
        there = ", ".join(known) or "none"
        message = f"the instance has no {(cap.part or '').removesuffix('s')} {cap.name}; it has {there}"
        raise InputError([InputProblem(resolved.path, 0, "--budget", message)])
