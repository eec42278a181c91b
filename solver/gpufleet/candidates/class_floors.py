"""Accuracy floors of single request classes: who may not serve a class may still serve the others.

An option serves class c only if its variant reaches every floor of c. An option that is left with no class at all is
eliminated by the rule `accuracy`, like one that misses a floor of the whole workload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.candidates.filters import Check
from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from gpufleet.schema.models import Accuracy, ModelCard
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import AccuracyFloor, RequestClass, Workload


def good_enough(workload: Workload, accuracy: Mapping[str, float]) -> npt.NDArray[np.bool_]:
    """(C,) whether a variant with these quality figures reaches every floor of a class; a training run has none."""
    if isinstance(workload, Training):
        return np.ones(1, dtype=bool)
    return np.array([not any(_misses(floor, accuracy) for floor in group.accuracy) for group in workload.classes])


def checks(workload: Workload, accuracy: Mapping[str, float], able: npt.NDArray[np.bool_]) -> Iterator[Check]:
    """What is left without a class. `able` (n, C): which classes it could serve, accuracy aside.

    The floor named is that of the class that comes nearest among those that the candidate could serve.
    """
    if isinstance(workload, Training) or not any(group.accuracy for group in workload.classes):
        return
    good = good_enough(workload, accuracy)
    if good.all():
        return
    homeless = ~np.any(able & good, axis=1)
    missed = [c for c, enough in enumerate(good) if not enough]
    for c in sorted(missed, key=lambda c: _shortfall(_worst(workload.classes[c], accuracy), accuracy)):
        group = workload.classes[c]
        floor = _worst(group, accuracy)
        known = floor.metric in accuracy
        actual = np.full(len(able), accuracy[floor.metric]) if known else "unknown"
        unit = f"{floor.metric} for class {group.name}"
        yield Check("accuracy", homeless & able[:, c], floor.at_least, actual, unit, at_least=True)


def out_of_reach(resolved: ResolvedInstance, workload: Workload, request_class: str) -> str | None:
    """The accuracy floor of a class that nothing reaches, in words, with the best figure there is; None: no such."""
    if isinstance(workload, Training):
        return None
    figures = [(figure.metric, figure.value) for card in resolved.models_of(workload) for figure in _figures(card)]
    if isinstance(workload, Profiled):
        figures = [(figure.metric, figure.at_least) for option in workload.options for figure in option.accuracy]
    floors = next(group.accuracy for group in workload.classes if group.name == request_class)
    for floor in floors:
        best = max((value for metric, value in figures if metric == floor.metric), default=0.0)
        if best < floor.at_least:
            return f"it needs {floor.metric} {floor.at_least:g}, the best there is has {best:g}"
    return None


def _figures(card: ModelCard) -> Iterator[Accuracy]:
    return (figure for variant in card.variants for figure in variant.accuracy)


def _misses(floor: AccuracyFloor, accuracy: Mapping[str, float]) -> bool:
    return accuracy.get(floor.metric, -1.0) < floor.at_least


def _shortfall(floor: AccuracyFloor, accuracy: Mapping[str, float]) -> float:
    """Floor over figure; infinite where the figure is unknown or 0."""
    figure = accuracy.get(floor.metric)
    return floor.at_least / figure if figure else float("inf")


def _worst(group: RequestClass, accuracy: Mapping[str, float]) -> AccuracyFloor:
    """The floor that is missed by most."""
    missed = [floor for floor in group.accuracy if _misses(floor, accuracy)]
    return max(missed, key=lambda floor: _shortfall(floor, accuracy))
