"""The user's own measurements in place of the model: which options they cover, and what they say about them.

An option is measured when its variant was measured on its accelerator with its parallelism. The batch of a language
option bounds the requests in flight, so it cuts the curve; the batch of request serving and of training is part of what
was measured. Where a class is not covered, the policy decides: the model's figures stay, or the rate is 0.

Points that another performance model computed replace this one in the same way, class by class, and stay modelled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance.curves import Curve, best_stretch, between, curve_of
from gpufleet.performance.result import Estimate, limits_ms
from gpufleet.performance.uncertainty import INTERPOLATED, MEASURED, at_most
from gpufleet.schema.measurements import corners, fits_training, sizes_of
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import LLMServing, RequestServing, Training
from gpufleet.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.configurations import Configurations
    from gpufleet.schema.base import Performance
    from gpufleet.schema.measurements import MeasuredPoint, Points, Profiles, Shape, Size
    from gpufleet.schema.models import ModelCard

LEVELS = ("measured", "interpolated", "modelled")
SPREADS = (MEASURED, INTERPOLATED)
"""By level."""
NOT_MEASURED = "not measured in this form"
LONGEST = 400
"""Characters of evidence that a plan repeats."""
OUT_OF_REACH_MS = 1e15
"""Stands for a percentile that nobody measured, so that no limit is ever kept by it."""


@dataclass(frozen=True)
class _ClassFigures:
    """What measurements say about one class on one option."""

    rate: float
    saturation: float
    latency_ms: Floats
    """(S,) at the load asked about."""
    idle_ms: Floats
    """(S,) at the lowest load measured."""
    level: int
    """Index into LEVELS."""
    points: Points

    @property
    def is_silent(self) -> bool:
        """Does an SLO ask for a percentile that is in none of the columns?"""
        return bool((self.idle_ms >= OUT_OF_REACH_MS).any())


def with_measurements(
    base: Estimate,
    profiles: Profiles,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    names: tuple[str, str, str],
    conf: Configurations,
    load: Floats,
    performance: Performance = "p50",
) -> Estimate:
    """The estimate with measured figures in the place of modelled ones; memory and bottleneck stay those of the model.

    `names` are variant, accelerator and node type; `load` (n, 1) as in `estimate`. Without measurements of the variant
    on the accelerator it is `base` itself.
    """
    return _replaced(base, profiles, workload, card, names, conf, load, performance, is_modelled=False)


def with_modelled(
    base: Estimate,
    profiles: Profiles,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    names: tuple[str, str, str],
    conf: Configurations,
    load: Floats,
    performance: Performance = "p50",
) -> Estimate:
    """The estimate with points of another performance model in the place of ours, as in `with_measurements`.

    Not for accelerators that lack the arithmetic, nor for workloads with prefix cache hits, of which such points know
    nothing.
    """
    hits = isinstance(workload, LLMServing) and workload.has_prefix_hits
    if hits or not profiles.modelled or not base.precision_supported:
        return base
    return _replaced(base, profiles.beneath, workload, card, names, conf, load, performance, is_modelled=True)


def _replaced(
    base: Estimate,
    profiles: Profiles,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    names: tuple[str, str, str],
    conf: Configurations,
    load: Floats,
    performance: Performance,
    *,
    is_modelled: bool,
) -> Estimate:
    measured = profiles.of(workload.kind, card.name, *names)
    shapes = shapes_of(conf) if measured else []
    # measurements are of replicas that read prompts and decode on the same accelerators
    places = [i for i, shape in enumerate(shapes) if shape in measured and not conf.prefill_instances[i]]
    if not places:
        return base
    draft = _Draft(base, is_filled=profiles.policy == "model", is_modelled=is_modelled)
    for i in places:
        points = measured[shapes[i]]
        if isinstance(workload, Training):
            draft.train(i, workload, tuple(p for p in _at_batch(points, conf, i) if fits_training(workload, p.row)))
        else:
            batched = points if isinstance(workload, LLMServing) else _at_batch(points, conf, i)
            slack = _slack(base, i, performance, is_modelled=is_modelled)
            classes = [_class_figures(workload, card, c, batched, conf, i, load, slack) for c in _classes(workload)]
            draft.serve(i, [None if is_modelled and figures and figures.is_silent else figures for figures in classes])
    return draft.finish()


def _slack(base: Estimate, i: int, performance: Performance, *, is_modelled: bool) -> tuple[float, ...]:
    """By level: what latencies at the level of performance are, as a multiple of the stated ones."""
    if performance == "p50":
        return (1.0, 1.0)
    if is_modelled:
        # another model is taken to be no surer than ours
        most = float(at_most(base.latency_high[i]).max(initial=1.0))
        return (most, most)
    return tuple(spread.most for spread in SPREADS)


def shapes_of(conf: Configurations) -> list[Shape]:
    """Parallelism of every option."""
    columns = (conf.tensor, conf.pipeline, conf.data, conf.expert)
    return [(int(t), int(p), int(d), int(e)) for t, p, d, e in zip(*columns, strict=True)]


def _classes(workload: LLMServing | RequestServing) -> range:
    return range(len(workload.classes))


def _at_batch(points: Points, conf: Configurations, i: int) -> Points:
    """The points that were measured with the option's batch (and, in training, its ZeRO stage and recomputation)."""
    wanted = (int(conf.batch[i]), int(conf.zero_stage[i]), bool(conf.recomputation[i]))
    return tuple(p for p in points if (p.row.batch, p.row.zero_stage, p.row.recomputation) == wanted)


# ------------------------------------------------------------------------------------------------ serving


def _class_figures(
    workload: LLMServing | RequestServing,
    card: ModelCard,
    c: int,
    points: Points,
    conf: Configurations,
    i: int,
    load: Floats,
    slack: tuple[float, ...],
) -> _ClassFigures | None:
    """None where the class is not covered, or the model has no room for it. `slack` is, by level, the factor by which
    latencies may exceed the curve."""
    size = sizes_of(workload)[c]
    if isinstance(card.architecture, Decoder) and sum(size) > card.architecture.max_context_tokens:
        return None
    cell = corners({p.row.size for p in points}, size)
    curve = _curve(workload, workload.classes[c].name, points, cell, size) if cell else None
    if curve is not None and isinstance(workload, LLMServing):
        curve = curve.cut(float(conf.batch[i]))
    if curve is None:
        return None
    limits = np.array([limits_ms(slo, [workload.classes[c]])[0] for slo in workload.slo])
    used = tuple(p for p in points if p.row.size in cell)
    own = len(cell) == 1
    for level, factor in enumerate(slack):
        found = _figures(curve, limits / factor, workload.max_utilisation, float(load[i, 0]), own, used)
        # the best point may turn out to lie between measured ones, of which less is known: then once more
        if found.level <= level or factor == slack[-1]:
            break
    return found


def _curve(
    workload: LLMServing | RequestServing, request_class: str, points: Points, cell: Sequence[Size], size: Size
) -> Curve | None:
    """The curve of a class: measured at its size, or between the corners of its cell."""
    bounds = [(slo, slo.holds_for(request_class)) for slo in workload.slo]
    curves = []
    for corner in cell:
        rows = [p.row for p in points if p.row.size == corner]
        loads, rates = [row.load or 0.0 for row in rows], [row.requests_per_s or 0.0 for row in rows]
        latencies = [[_latency(row.latency_ms(b.metric, b.percentile), on) for b, on in bounds] for row in rows]
        curves.append(curve_of(loads, rates, latencies))
    return curves[0] if len(curves) == 1 else between(curves, _weights(cell, size))


def _latency(value: float | None, is_bound: bool) -> float:
    """A percentile; 0 where no SLO asks for it, out of reach where one does and it was not measured."""
    return (OUT_OF_REACH_MS if value is None else value) if is_bound else 0.0


def _weights(cell: Sequence[Size], size: Size) -> list[float]:
    """Weights of the corners, linear in the logarithm of each side."""
    weights = []
    for corner in cell:
        weight = 1.0
        for axis, value in enumerate(size):
            low, high = (f({other[axis] for other in cell}) for f in (min, max))
            above = np.log(value / low) / np.log(high / low) if high > low else 1.0
            weight *= above if corner[axis] == high else 1.0 - above
        weights.append(weight)
    return weights


def _figures(
    curve: Curve, limits: Floats, max_utilisation: float, load: float, is_own_size: bool, points: Points
) -> _ClassFigures:
    """The highest rate inside the limits, or `max_utilisation` of the highest rate of all if that is lower."""
    saturation, idle = float(curve.rate.max()), curve.latency_ms[0]
    stretch = best_stretch(curve, limits)
    if stretch is None:
        return _ClassFigures(0.0, saturation, idle, idle, 0 if is_own_size else 1, points)
    allowed = max_utilisation * saturation
    at_top = allowed <= stretch.rate
    is_point = bool(curve.measured[int(curve.rate.argmax())]) if at_top else stretch.is_measured
    rate = min(allowed, stretch.rate)
    level = 0 if is_own_size and is_point else 1
    return _ClassFigures(rate, saturation, stretch.latencies_at(load * rate), idle, level, points)


# ----------------------------------------------------------------------------------------------- together


class _Draft:
    """Arrays of an estimate, to be overwritten option by option."""

    def __init__(self, base: Estimate, *, is_filled: bool, is_modelled: bool) -> None:
        self.base, self.is_filled, self.is_modelled = base, is_filled, is_modelled
        self.rate, self.saturation = base.max_rate.copy(), base.saturation_rate.copy()
        self.latency, self.idle = base.latency_ms.copy(), base.idle_latency_ms.copy()
        self.days = base.training_days.copy()
        self.provenance, self.evidence = base.provenance.tolist(), base.evidence.tolist()
        self.rate_low, self.rate_high = base.rate_low.copy(), base.rate_high.copy()
        self.latency_low, self.latency_high = base.latency_low.copy(), base.latency_high.copy()

    def serve(self, i: int, classes: Sequence[_ClassFigures | None]) -> None:
        """Classes of option i; None: not covered."""
        levels = []
        for c, figures in enumerate(classes):
            if figures is not None:
                self.rate[i, c], self.saturation[i, c] = figures.rate, figures.saturation
                self.latency[i, :, c], self.idle[i, :, c] = figures.latency_ms, figures.idle_ms
                if not self.is_modelled:
                    self._spread(i, c, figures.level)
                levels.append(2 if self.is_modelled else figures.level)
            elif self.is_filled:
                levels.append(2)
            else:
                self._cannot(i, c)
        points = {point for figures in classes if figures is not None for point in figures.points}
        self.provenance[i] = LEVELS[max(levels, default=0)]
        rest = str(self.base.evidence[i]) if self.is_filled and None in classes else ""
        self.evidence[i] = evidence_of(points, rest)

    def train(self, i: int, workload: Training, points: Points) -> None:
        """The training run on option i; no points: it was not measured in this form."""
        if points:
            samples_per_s = points[0].row.samples_per_s or 0.0
            seconds = workload.samples * workload.epochs / samples_per_s * (1.0 + workload.restart_overhead_fraction)
            self.days[i] = seconds / SECONDS_PER_DAY
            self.rate[i, 0] = self.saturation[i, 0] = workload.deadline_days / self.days[i]
            self._spread(i, 0, 0)
        elif self.is_filled:
            return
        else:
            self._cannot(i, 0)
            self.days[i] = np.inf
        self.provenance[i], self.evidence[i] = LEVELS[0], evidence_of(points)

    def _spread(self, i: int, c: int, level: int) -> None:
        """How far the figures of class c may be off, by level."""
        self.rate_low[i, c], self.rate_high[i, c] = SPREADS[level].low, SPREADS[level].high
        self.latency_low[i, :, c], self.latency_high[i, :, c] = SPREADS[level].low, SPREADS[level].high

    def _cannot(self, i: int, c: int) -> None:
        self.rate[i, c] = self.saturation[i, c] = 0.0

    def finish(self) -> Estimate:
        """The estimate as it now stands."""
        return replace(
            self.base,
            max_rate=self.rate,
            saturation_rate=self.saturation,
            latency_ms=self.latency,
            idle_latency_ms=self.idle,
            training_days=self.days,
            provenance=np.array(self.provenance),
            evidence=np.array(self.evidence),
            rate_low=self.rate_low,
            rate_high=self.rate_high,
            latency_low=self.latency_low,
            latency_high=self.latency_high,
        )


def evidence_of(points: Iterable[MeasuredPoint], rest: str = "") -> str:
    """Engine, file and lines: `vLLM 0.8.5 (own.csv:2-9)`; and what fills the rest."""
    lines: dict[tuple[str, str], set[int]] = {}
    for point in points:
        file, line = point.file_and_line
        lines.setdefault((point.row.engine, file), set()).add(line)
    words = [
        f"{engine} ({file}:{_ranges(sorted(found))})" if file else engine
        for (engine, file), found in sorted(lines.items())
    ]
    text = "; ".join([*words, *([rest] if rest else [])]) or NOT_MEASURED
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _ranges(lines: Sequence[int]) -> str:
    """`2-5,8` for 2, 3, 4, 5, 8."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
