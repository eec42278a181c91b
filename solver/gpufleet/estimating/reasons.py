"""Which settings run, and why the others do not: the rules of the candidates, and the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from gpufleet.candidates import filters
from gpufleet.candidates.rejection import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from gpufleet.estimating.question import Question
    from gpufleet.performance.case import Case
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.estimate import Estimate

RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class Verdict:
    """n settings of one variant: which check failed first, if any."""

    checks: tuple[filters.Check, ...]
    failed: npt.NDArray[np.int64]
    """(n,) position of the first check that fails; the number of checks where none does."""

    @property
    def runs(self) -> npt.NDArray[np.bool_]:
        """(n,)"""
        return np.asarray(self.failed == len(self.checks))

    def nearest(self, settings: npt.NDArray[np.int64]) -> int:
        """The setting among these that came nearest to running: the furthest check, then the least excess."""
        furthest = self.failed[settings].max()
        there = settings[self.failed[settings] == furthest]
        check = self.checks[furthest]
        if isinstance(check.actual, str):
            return int(there[0])
        actual = check.actual[there]
        return int(there[np.argmax(actual) if check.at_least else np.argmin(actual)])


def judge(question: Question, case: Case, configurations: Configurations, figures: Estimate) -> Verdict:
    """Apply every rule that is about the model and the machine."""
    checks = tuple(_checks(question, case, configurations, figures))
    fails = np.stack([*(check.fails for check in checks), np.ones(len(configurations.batch), dtype=bool)])
    return Verdict(checks, np.argmax(fails, axis=0))


def _checks(
    question: Question, case: Case, configurations: Configurations, figures: Estimate
) -> Iterator[filters.Check]:
    n = len(configurations.batch)
    yield _reach(question, configurations)
    yield from filters.software_check(case.card, case.variant, case.accelerator, figures)
    yield from filters.method_check(question.workload, case.variant, n)
    yield from filters.machine_checks(question.workload, case.variant, figures, np.ones(n))


def _reach(question: Question, configurations: Configurations) -> filters.Check:
    """A replica stays in its node where there is no network, or where instances do not reach each other."""
    node = question.node_type
    most = node.largest_replica or (np.inf if node.network_gb_s is not None else node.accelerators)
    size = configurations.accelerators
    return filters.Check("replica_size", size > most, float(most), size, "accelerators per replica")


def reason_of(check: filters.Check, setting: int) -> str:
    """A failed check in words."""
    actual = check.actual if isinstance(check.actual, str) else float(check.actual[setting])
    if isinstance(check.limit, str) or isinstance(actual, str):
        return _named(check, str(actual))
    if check.rule == "memory":
        missing = _figure(actual - check.limit)
        return f"needs {_figure(actual)} GB per accelerator, {missing} GB more than the {check.limit:.1f} GB there are"
    if check.rule == "replica_size":
        return f"takes {actual:.0f} accelerators, and only {check.limit:.0f} reach each other"
    metric, level = check.unit.removeprefix("ms ").removesuffix(", idle").split()
    what = "latency" if metric == "end_to_end" else metric.upper()
    return f"{what} {level} is {_figure(actual)} ms at best, on an idle replica; the limit is {_figure(check.limit)} ms"


def _figure(value: float) -> str:
    """Three digits or more, never in powers of ten."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _named(check: filters.Check, actual: str) -> str:
    if check.rule == "method":
        return f"made by {actual}, which cannot be trained; {check.limit} can"
    if check.rule == "software":
        return f"{check.limit}: {actual}"
    if check.rule == "throughput":
        return "no rate keeps every SLO"
    return actual.replace(" not supported", " arithmetic is not supported")
