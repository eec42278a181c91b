"""`estimate_options`: every setting of one model on one accelerator; the best of each, and why others do not run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.candidates.configuration import parallelism_at, subset
from gpufleet.estimating.figures import loads_of, options_of
from gpufleet.estimating.question import Question, question_of
from gpufleet.estimating.reasons import Verdict, judge, reason_of
from gpufleet.estimating.settings import Key, key_of, settings_of
from gpufleet.estimating.wish import Wish
from gpufleet.library import Library
from gpufleet.library.search_path import library_roots
from gpufleet.performance.case import Case
from gpufleet.schema.estimate import EstimatedOption, EstimateResult, RejectedOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.result import Estimate
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import SLO

    Indices = npt.NDArray[np.int64]


def estimate_options(
    model: str | ModelCard,
    accelerator: str | Accelerator,
    *,
    node: str | NodeType | None = None,
    accelerators: int | None = None,
    network_gb_s: float | None = None,
    nodes: int | None = None,
    engine: str | None = None,
    variants: Sequence[str] = (),
    tensor: Sequence[int] = (),
    pipeline: Sequence[int] = (),
    data: Sequence[int] = (),
    batch: Sequence[int] = (),
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    items: int | None = None,
    slo: Sequence[SLO | str] = (),
    max_utilisation: float | None = None,
    train: bool = False,
    global_batch: int | None = None,
    sequence_tokens: int | None = None,
    samples: float | None = None,
    epochs: float | None = None,
    zero: Sequence[int] = (),
    recomputation: bool | None = None,
    library: Library | None = None,
) -> EstimateResult:
    """What a model does on an accelerator, serving or (with `train`) training, without an instance.

    `node` names a node type; `accelerators` per node and `network_gb_s` (GB/s of a node, one direction) describe one;
    without either the catalogue's node nearest to 8 accelerators stands in. Sizes that are listed are answered one by
    one; of all others the best is taken, by throughput per accelerator. Bounds are SLOs or texts such as
    `ttft:p95:1000ms`. Names are looked up in `library` (default: the bundled one).

    Raises InputError with everything that is wrong with the question.
    """
    asked = dict(locals())
    own = asked.pop("library")
    question = question_of(Wish(**asked), Library(library_roots(())) if own is None else own)
    answers = [_answer(question, case) for case in _cases(question)]
    found = [(option, answer.case) for answer in answers for option in answer.options]
    best = sorted(found, key=lambda one: -one[0].throughput_per_accelerator_per_s)
    return EstimateResult(
        question=question.record,
        tried=sum(len(answer.configurations.batch) for answer in answers),
        feasible=sum(int(answer.verdict.runs.sum()) for answer in answers),
        options=tuple(option for option, _ in best),
        rejected=tuple(rejected for answer in answers for rejected in _rejected(question, answer)),
        curves=tuple(loads_of(question, best)),
    )


@dataclass(frozen=True)
class _Answer:
    """One variant."""

    case: Case
    configurations: Configurations
    verdict: Verdict
    groups: dict[Key, Indices]
    """Settings by what they are listed under."""
    options: list[EstimatedOption]
    """The best of each group that runs."""


def _cases(question: Question) -> Iterator[Case]:
    for variant in question.variants:
        machine = (question.accelerator, question.node_type, question.efficiency, question.wish.engine or "")
        yield Case(question.workload, question.card, variant, *machine)


def _answer(question: Question, case: Case) -> _Answer:
    configurations = settings_of(question)
    figures = case.estimate(configurations)
    verdict = judge(question, case, configurations, figures)
    groups = _groups(question, configurations)
    chosen = _best(verdict.runs, figures, configurations, groups)
    options = options_of(question, case, subset(configurations, chosen), figures, chosen) if len(chosen) else []
    return _Answer(case, configurations, verdict, groups, options)


def _groups(question: Question, configurations: Configurations) -> dict[Key, Indices]:
    found: dict[Key, list[int]] = {}
    for index in range(len(configurations.batch)):
        key = key_of(question, parallelism_at(configurations, index), int(configurations.batch[index]))
        found.setdefault(key, []).append(index)
    return {key: np.array(indices) for key, indices in found.items()}


def _best(
    runs: npt.NDArray[np.bool_], figures: Estimate, configurations: Configurations, groups: dict[Key, Indices]
) -> Indices:
    """Of each group the setting with the highest rate per accelerator; of equals the smallest batch."""
    rate = np.where(runs, figures.max_rate[:, 0] / configurations.accelerators, -1.0)
    order = np.lexsort((configurations.batch, -rate))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    best = [indices[np.argmin(place[indices])] for indices in groups.values()]
    return np.array([index for index in best if runs[index]], dtype=np.int64)


def _rejected(question: Question, answer: _Answer) -> Iterator[RejectedOption]:
    """Groups of which no setting runs, each with the setting that came nearest."""
    verdict, configurations = answer.verdict, answer.configurations
    for indices in answer.groups.values():
        if verdict.runs[indices].any():
            continue
        near = verdict.nearest(indices)
        check = verdict.checks[verdict.failed[near]]
        actual = check.actual if isinstance(check.actual, str) else float(check.actual[near])
        yield RejectedOption(
            variant=answer.case.variant.name,
            parallelism=parallelism_at(configurations, near),
            batch=int(configurations.batch[near]),
            accelerators=int(configurations.accelerators[near]),
            count=len(indices),
            rule=check.rule,
            limit=check.limit,
            actual=actual,
            unit=check.unit,
            reason=reason_of(check, near),
        )
