"""Which of two questions is the harder one: where every plan of the one is a plan of the other, for no more money."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from gpufleet.edits.changes import with_fields
from gpufleet.schema.instance import Budgets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.schema.resolved import ResolvedInstance

MORE_IS_HARDER: Final = re.compile(
    r"offers\.[^.]*\.(usd_per_hour|capex_usd|running_usd_per_hour)|sites\.\d+\.electricity_usd_per_kwh"
    r"|workloads\.\d+\.(classes\.\d+\.requests_per_s|samples|epochs)"
)
"""Prices, rates and the length of training runs."""
LESS_IS_HARDER: Final = re.compile(
    r"budgets(\.(sites|workloads|stages)\.[^.]*)?\.(usd_per_day|horizon_usd|capex_usd)|offers\.[^.]*\.stock"
    r"|sites\.\d+\.(power_cap_kw|rack_units)|rules\.max_node_types|workloads\.\d+\.deadline_days"
)
"""Limits; without one, there is no limit."""
ABOUT_FILES: Final = frozenset({"offers", "catalog_offers", "title", "note", "origin", "uid", "baseline_plan"})
"""What the resolved offers say, and what no answer hangs on."""


class Comparison:
    """Questions that can be compared two at a time; what they have in common is looked at once."""

    def __init__(self, questions: Sequence[ResolvedInstance]) -> None:
        leaves = [_leaves(question) for question in questions]
        common = set.intersection(*(set(found.items()) for found in leaves)) if leaves else set()
        self._own = [dict(found.items() - common) for found in leaves]
        self._rest = [_rest(question) for question in questions]
        self._digests = [question.digest for question in questions]
        self._unserved = [question.instance.allow_unserved for question in questions]

    def is_as_hard(self, question: int, than: int) -> bool:
        """Is every plan of `question` also one of `than`, and no dearer there? Then a lower bound of `than` holds for
        `question`, and a plan of `question` does for `than`.

        Only rates, prices and limits are compared; whatever else differs, the answer is no. Where demand may stay
        unserved, cost is not all that counts, and only equal questions are as hard as each other.
        """
        if self._digests[question] == self._digests[than]:
            return True
        if self._unserved[question] or self._unserved[than] or self._rest[question] != self._rest[than]:
            return False
        ours, theirs = self._own[question], self._own[than]
        return all(_is_harder(path, ours.get(path), theirs.get(path)) for path in ours.keys() | theirs.keys())


def is_as_hard(question: ResolvedInstance, than: ResolvedInstance) -> bool:
    """As `Comparison.is_as_hard`, for two questions."""
    return Comparison((question, than)).is_as_hard(0, 1)


def but_for_budgets(resolved: ResolvedInstance) -> str:
    """A digest of everything but the budgets: plans of questions in which it is the same differ in what they may cost
    alone."""
    return with_fields(resolved, budgets=Budgets()).digest


def _rest(resolved: ResolvedInstance) -> str:
    """Everything beside the instance and its offers, as text that can be compared."""
    records = (resolved.accelerators, resolved.node_types, resolved.models, resolved.profiles.records())
    plain = [{name: record.model_dump(mode="json") for name, record in known.items()} for known in records]
    return json.dumps([resolved.calibration.digest, plain], sort_keys=True)


def _leaves(resolved: ResolvedInstance) -> dict[str, Any]:
    """Single values by path."""
    whole = resolved.instance.model_dump(mode="json", exclude=set(ABOUT_FILES), exclude_defaults=True)
    whole["offers"] = {
        name.replace(".", "_"): offer.model_dump(mode="json", exclude_defaults=True)
        for name, offer in resolved.offers.items()
    }
    return dict(_walk(whole, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            name = str(key).replace(".", "_")
            yield from _walk(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        yield f"{path}.#", len(value)
        for number, member in enumerate(value):
            yield from _walk(member, f"{path}.{number}")
    else:
        yield path, value


def _is_harder(path: str, ours: Any, theirs: Any) -> bool:
    if ours == theirs:
        return True
    if LESS_IS_HARDER.fullmatch(path):
        return bool((math.inf if ours is None else ours) <= (math.inf if theirs is None else theirs))
    return bool(MORE_IS_HARDER.fullmatch(path)) and ours is not None and theirs is not None and bool(ours >= theirs)
