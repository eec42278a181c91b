"""The requirements of the workloads: demand, SLOs, accuracy, privacy, what may be used, replicas, and what may fail."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from gpufleet.edits.changes import scaled_workload
from gpufleet.edits.privacy_requirements import privacy_requirements
from gpufleet.edits.requirement import Choice, Requirement, shown, with_workload
from gpufleet.schema.workloads import Profiled, Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpufleet.edits.requirement import Change
    from gpufleet.schema.resolved import FieldPath, ResolvedInstance
    from gpufleet.schema.workloads import SLO, AccuracyFloor, LLMServing, RequestServing, Workload

WHOLE_DEMAND: Final = 100.0
"""Demand is in percent of what is asked for."""
CENTURY_DAYS: Final = 36_500.0
"""A deadline that stands for none."""
MOST_BATCH: Final = 4096
METRICS: Final = {
    "ttft": "time to first token",
    "tpot": "time per output token",
    "itl": "inter-token latency",
    "end_to_end": "end-to-end latency",
}


def workload_requirements(resolved: ResolvedInstance) -> Iterator[Requirement]:
    """All requirements of all workloads, in the order of the file."""
    for number, workload in enumerate(resolved.instance.workloads):
        yield _demand(workload, number)
        if isinstance(workload, Training):
            yield from _training(resolved, workload, number)
        else:
            yield from _utilisation(workload, number)
        if not isinstance(workload, Training | Profiled):
            yield from (_latency(workload, number, place) for place in range(len(workload.slo)))
            yield from _batch(workload, number)
        yield from _floors(resolved, workload, number)
        yield from privacy_requirements(resolved, workload, number)
        yield from _allowed(resolved, workload, number)
        yield from _replicas(workload, number)
        yield from _failures(workload, number)


def _demand(workload: Workload, number: int) -> Requirement:
    """Requests or samples in percent; without it, nothing of the workload is asked for."""
    runs = isinstance(workload, Training)

    def put(resolved: ResolvedInstance, value: float) -> ResolvedInstance:
        if value <= 0:
            return _not_asked_for(resolved, number)
        factor = float(exact(value) / exact(WHOLE_DEMAND))
        return with_workload(resolved, number, **dict(scaled_workload(resolved.instance.workloads[number], factor)))

    rate = 0.0 if isinstance(workload, Training) else sum(group.requests_per_s for group in workload.classes)
    return Requirement(
        kind="demand",
        words=f"{workload.name} must be trained" if runs else f"{shown(rate)} requests/s of {workload.name}",
        loc=("workloads", number, "samples" if runs else "classes"),
        lift=partial(put, value=0.0),
        lifting=f"do without {workload.name}",
        value=WHOLE_DEMAND,
        put=put,
        putting=f"train {workload.name} on {{}} % of its samples"
        if runs
        else f"serve {{}} % of the requests of {workload.name}",
        unit="%",
        rising=False,
        most=0.0,
    )


def _not_asked_for(resolved: ResolvedInstance, number: int) -> ResolvedInstance:
    """The instance in which nothing of a workload is asked for, least replicas included."""
    workload = resolved.instance.workloads[number]
    if isinstance(workload, Training):
        return with_workload(resolved, number, stages=())
    fields = {**dict(scaled_workload(workload, 0.0)), "min_replicas": 0}
    return with_workload(resolved, number, **fields)


def _training(resolved: ResolvedInstance, workload: Training, number: int) -> Iterator[Requirement]:
    yield Requirement(
        kind="deadline",
        words=f"{workload.name} trained within {shown(workload.deadline_days)} days",
        loc=("workloads", number, "deadline_days"),
        lift=partial(with_workload, number=number, deadline_days=CENTURY_DAYS),
        lifting=f"do without the deadline of {workload.name}",
        value=workload.deadline_days,
        put=lambda r, v: with_workload(r, number, deadline_days=v),
        putting=f"allow {{}} days for {workload.name}",
        unit="days",
    )
    counted = all(period.occurrences for period in resolved.instance.periods)
    if workload.periods is not None and (counted or not workload.restart_minutes):
        yield Requirement(
            kind="run_periods",
            words=f"{workload.name} runs only in {', '.join(workload.periods)}",
            loc=("workloads", number, "periods"),
            lift=partial(with_workload, number=number, periods=None),
            lifting=f"let {workload.name} run in any period",
        )
    if workload.parallelism is not None:
        yield Requirement(
            kind="parallelism",
            words=f"parallelism of {workload.name} only {', '.join(workload.parallelism)}",
            loc=("workloads", number, "parallelism"),
            lift=partial(with_workload, number=number, parallelism=None),
            lifting=f"allow any parallelism for {workload.name}",
        )


def _utilisation(workload: LLMServing | RequestServing | Profiled, number: int) -> Iterator[Requirement]:
    if workload.max_utilisation < 1:
        written = "" if "max_utilisation" in workload.model_fields_set else " (the default)"
        yield Requirement(
            kind="utilisation",
            words=f"at most {shown(workload.max_utilisation)} of a replica's rate used by {workload.name}{written}",
            loc=("workloads", number, "max_utilisation"),
            lift=partial(with_workload, number=number, max_utilisation=1.0),
            lifting=f"use all of a replica's rate for {workload.name}",
            value=workload.max_utilisation,
            put=lambda r, v: with_workload(r, number, max_utilisation=v),
            putting=f"use {{}} of a replica's rate for {workload.name}",
            most=1.0,
        )


def _latency(workload: LLMServing | RequestServing, number: int, place: int) -> Requirement:
    bound = workload.slo[place]

    def is_it(known: SLO) -> bool:
        return (known.metric, known.percentile, known.classes) == (bound.metric, bound.percentile, bound.classes)

    def put(resolved: ResolvedInstance, value: float | None) -> ResolvedInstance:
        known = resolved.instance.workloads[number].slo  # type: ignore[union-attr]
        kept = tuple(slo for slo in known if value is not None or not is_it(slo))
        changed = tuple(slo.model_copy(update={"limit_ms": value}) if is_it(slo) else slo for slo in kept)
        return with_workload(resolved, number, slo=changed)

    classes = "" if bound.classes is None else f" ({', '.join(bound.classes)})"
    what = f"p{bound.percentile:g} {METRICS[bound.metric]} of {workload.name}{classes}"
    return Requirement(
        kind="latency",
        words=f"{what} at most {shown(bound.limit_ms)} ms",
        loc=("workloads", number, "slo", place),
        lift=partial(put, value=None),
        lifting=f"do without a limit on the {what}",
        value=bound.limit_ms,
        put=put,
        putting=f"allow {{}} ms as {what}",
        unit="ms",
    )


def _batch(workload: LLMServing | RequestServing, number: int) -> Iterator[Requirement]:
    if workload.max_batch is not None:
        larger = [float(2**power) for power in range(13) if workload.max_batch < 2**power <= MOST_BATCH]
        yield Requirement(
            kind="max_batch",
            words=f"batches of {workload.name} of at most {workload.max_batch}",
            loc=("workloads", number, "max_batch"),
            lift=partial(with_workload, number=number, max_batch=None),
            lifting=f"allow batches of {workload.name} of any size",
            value=workload.max_batch,
            put=lambda r, v: with_workload(r, number, max_batch=int(v)),
            putting=f"allow batches of {workload.name} of {{}}",
            whole=True,
            levels=tuple(larger),
        )


def _floors(resolved: ResolvedInstance, workload: Workload, number: int) -> Iterator[Requirement]:
    """Floors of the workload, then those of its classes."""
    loc: FieldPath = ("workloads", number)
    for rank, floor in enumerate(workload.accuracy):
        yield _floor(resolved, workload, number, None, floor, (*loc, "accuracy", rank))
    if not isinstance(workload, Training):
        for c, group in enumerate(workload.classes):
            for rank, floor in enumerate(group.accuracy):
                yield _floor(resolved, workload, number, c, floor, (*loc, "classes", c, "accuracy", rank))


def _floor(
    resolved: ResolvedInstance,
    workload: Workload,
    number: int,
    group: int | None,
    floor: AccuracyFloor,
    loc: FieldPath,
) -> Requirement:
    """The values that make a difference are the figures of the variants (or measured options) below it."""

    def replaced(known: tuple[AccuracyFloor, ...], value: float | None) -> tuple[AccuracyFloor, ...]:
        kept = (f for f in known if value is not None or f.metric != floor.metric)
        return tuple(f.model_copy(update={"at_least": value}) if f.metric == floor.metric else f for f in kept)

    def put(resolved: ResolvedInstance, value: float | None) -> ResolvedInstance:
        known = resolved.instance.workloads[number]
        if group is None:
            return with_workload(resolved, number, accuracy=replaced(known.accuracy, value))
        classes = list(known.classes)  # type: ignore[union-attr]
        accuracy = replaced(classes[group].accuracy, value)
        classes[group] = classes[group].model_copy(update={"accuracy": accuracy})
        return with_workload(resolved, number, classes=tuple(classes))

    whose = workload.name
    if group is not None and not isinstance(workload, Training):
        whose = f"class {workload.classes[group].name} of {workload.name}"
    figures = {figure for metric, figure in _figures(resolved, workload) if metric == floor.metric}
    return Requirement(
        kind="accuracy",
        words=f"{floor.metric} of {whose} at least {shown(floor.at_least)}",
        loc=loc,
        lift=partial(put, value=None),
        lifting=f"accept any {floor.metric} of {whose}",
        value=floor.at_least,
        put=put,
        putting=f"accept {{}} {floor.metric} of {whose}",
        unit=floor.metric,
        rising=False,
        levels=tuple(sorted((figure for figure in figures if figure < floor.at_least), reverse=True)),
    )


def _figures(resolved: ResolvedInstance, workload: Workload) -> Iterator[tuple[str, float]]:
    """(metric, value) of everything that may serve or train it."""
    if isinstance(workload, Profiled):
        yield from ((figure.metric, figure.at_least) for known in workload.options for figure in known.accuracy)
    for card in resolved.models_of(workload):
        yield from ((figure.metric, figure.value) for variant in card.variants for figure in variant.accuracy)


def _allowed(resolved: ResolvedInstance, workload: Workload, number: int) -> Iterator[Requirement]:
    """Lists of precisions and accelerators; each other one is a choice."""
    precisions = {variant.precision for card in resolved.models_of(workload) for variant in card.variants}
    if isinstance(workload, Profiled):
        precisions = {known.precision for known in workload.options if known.precision is not None}
    others: Mapping[str, set[str]] = {"precisions": set(precisions), "accelerators": set(resolved.accelerators)}
    for field, known in others.items():
        allowed: tuple[str, ...] | None = getattr(workload, field)
        if allowed is not None:
            choices = tuple(
                Choice(f"allow {name} for {workload.name} too", _setting(number, field, (*allowed, name)))
                for name in sorted(known - set(allowed))
            )
            yield Requirement(
                kind="precision" if field == "precisions" else "accelerators",
                words=f"{workload.name} only {'in' if field == 'precisions' else 'on'} {', '.join(allowed)}",
                loc=("workloads", number, field),
                lift=_setting(number, field, None),
                lifting=f"allow all {field} for {workload.name}",
                choices=choices,
            )


def _setting(number: int, field: str, value: object) -> Change:
    return lambda resolved: with_workload(resolved, number, **{field: value})


def _replicas(workload: Workload, number: int) -> Iterator[Requirement]:
    if workload.min_replicas:
        yield Requirement(
            kind="min_replicas",
            words=f"at least {workload.min_replicas} replica{'s' * (workload.min_replicas != 1)} of {workload.name}",
            loc=("workloads", number, "min_replicas"),
            lift=partial(with_workload, number=number, min_replicas=0),
            lifting=f"do without a smallest number of replicas of {workload.name}",
            value=workload.min_replicas,
            put=lambda r, v: with_workload(r, number, min_replicas=v),
            putting=f"accept {{}} replicas of {workload.name}",
            rising=False,
            whole=True,
            most=0,
        )
    if workload.max_replicas is not None:
        yield Requirement(
            kind="max_replicas",
            words=f"at most {workload.max_replicas} replica{'s' * (workload.max_replicas != 1)} of {workload.name}",
            loc=("workloads", number, "max_replicas"),
            lift=partial(with_workload, number=number, max_replicas=None),
            lifting=f"do without a largest number of replicas of {workload.name}",
            value=workload.max_replicas,
            put=lambda r, v: with_workload(r, number, max_replicas=v),
            putting=f"allow {{}} replicas of {workload.name}",
            whole=True,
        )


def _failures(workload: Workload, number: int) -> Iterator[Requirement]:
    asked = workload.redundancy

    def put(resolved: ResolvedInstance, **fields: object) -> ResolvedInstance:
        known = resolved.instance.workloads[number].redundancy
        return with_workload(resolved, number, redundancy=known.model_copy(update=fields))

    if asked.spare_nodes:
        yield Requirement(
            kind="spare_nodes",
            words=f"{asked.spare_nodes} spare node{'s' * (asked.spare_nodes != 1)} for {workload.name}",
            loc=("workloads", number, "redundancy", "spare_nodes"),
            lift=partial(put, spare_nodes=0),
            lifting=f"do without spare nodes for {workload.name}",
            value=asked.spare_nodes,
            put=lambda r, v: put(r, spare_nodes=v),
            putting=f"accept {{}} spare nodes for {workload.name}",
            rising=False,
            whole=True,
            most=0,
        )
    if asked.survive_site_loss:
        yield Requirement(
            kind="site_loss",
            words=f"{workload.name} survives the loss of any site",
            loc=("workloads", number, "redundancy", "survive_site_loss"),
            lift=partial(put, survive_site_loss=False),
            lifting=f"accept that {workload.name} is down when a site is lost",
        )
    if workload.max_spot_share < 1:
        yield Requirement(
            kind="spot_share",
            words=f"at most {shown(workload.max_spot_share)} of {workload.name} on spot nodes",
            loc=("workloads", number, "max_spot_share"),
            lift=partial(with_workload, number=number, max_spot_share=1.0),
            lifting=f"let all of {workload.name} depend on spot nodes",
            value=workload.max_spot_share,
            put=lambda r, v: with_workload(r, number, max_spot_share=v),
            putting=f"allow {{}} of {workload.name} on spot nodes",
            most=1.0,
        )
