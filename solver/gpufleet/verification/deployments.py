"""Rules on deployments: they exist, may stand where they stand, fit into memory, and what they sustain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.performance.uncertainty import MEASURED
from gpufleet.schema.models import TRAINABLE, Decoder, Encoder
from gpufleet.schema.workloads import Profiled, Training, engine_of
from gpufleet.verification.confidence import check_rate_interval, counted_on, ninety_percent
from gpufleet.verification.disaggregation import check_split
from gpufleet.verification.partitions import check_partition
from gpufleet.verification.quality import allowed_rates, card_of, check_no_model, missed_floors
from gpufleet.verification.settings import speed_in_setting, taken_measures
from gpufleet.verification.slices import check_times
from gpufleet.verification.violation import TOLERANCE, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.models import ModelCard, Variant
    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import AccuracyFloor, LLMServing, ProfiledOption, RequestServing, Workload
    from gpufleet.verification.violation import Findings


@dataclass(frozen=True)
class Capability:
    """What one replica of a deployment can do."""

    index: int
    """Position in `plan.deployments`."""
    workload: Workload
    rates: tuple[float, ...]
    """Requests/s per class, alone, 0 where an accuracy floor is missed; a training run: 1 when it finishes in time,
    else 0."""
    estimate: Estimate | None
    """None for profiled options."""
    variant: Variant | None
    card: ModelCard | None
    missed: Mapping[str, AccuracyFloor]
    """Class to the accuracy floor that keeps it away; only classes that miss one."""
    accuracy: Mapping[str, float]
    """Quality figures by metric."""
    speed: float
    """Factor of measures and interruptions that is in the rates."""

    @property
    def training_days(self) -> float:
        """Days to train, with measures and interruptions."""
        assert self.estimate is not None
        return float(self.estimate.training_days[0]) / self.speed if self.speed else math.inf


FiguresKey = tuple[object, ...]
"""What figures hang on: workload, model, variant, node type, parallelism, batch and load."""


def check_deployments(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> list[Capability]:
    """Check every deployment by itself; returns those that are well defined."""
    capabilities: list[Capability] = []
    known: dict[FiguresKey, Estimate] = {}
    for index, deployment in enumerate(plan.deployments):
        where = place_of(index, deployment)
        check_times(resolved, where, {"period": deployment.period, "stage": deployment.stage}, findings)
        if _names_exist(resolved, deployment, where, findings):
            workload = resolved.workloads[deployment.workload]
            _check_privacy(resolved, workload, deployment, where, findings)
            if isinstance(workload, Profiled):
                capability = _profiled(resolved, workload, plan, index, where, findings)
            else:
                capability = _modelled(resolved, workload, plan, index, known, where, findings)
            if capability is not None:
                capabilities.append(capability)
    return capabilities


def _names_exist(resolved: ResolvedInstance, deployment: Deployment, where: str, findings: Findings) -> bool:
    known = {
        "workload": deployment.workload in resolved.workloads,
        "site": deployment.site in resolved.sites,
        "node type": deployment.node_type in resolved.node_types,
    }
    shared = next((name for name, members in resolved.services.items() if deployment.workload in members), None)
    hint = {"workload": f"; it is part of the shared service {shared}"} if shared else {}
    for what, exists in known.items():
        findings.check("names", where, exists, f"the instance has no such {what}{hint.get(what, '')}")
    size = deployment.parallelism.accelerators
    if deployment.accelerators is not None:
        message = f"the plan says {deployment.accelerators} accelerators per replica, its parallelism takes {size}"
        findings.check("parallelism", where, deployment.accelerators == size, message)
    if known["node type"]:
        node = resolved.node_types[deployment.node_type].accelerators
        chained = size % node == 0 if size >= node else node % size == 0 and size.bit_count() == 1
        message = f"replicas of {size} accelerators do not pack exactly onto nodes of {node}"
        findings.check("replica_size", where, chained, message)
        if resolved.node_types[deployment.node_type].partition_of is not None:
            check_partition(resolved, deployment, where, findings)
    return all(known.values())


def _check_privacy(
    resolved: ResolvedInstance, workload: Workload, deployment: Deployment, where: str, findings: Findings
) -> None:
    site, rule = resolved.sites[deployment.site], workload.privacy
    allowed = {
        "any": {"on_prem", "private_cloud", "public_cloud"},
        "private": {"on_prem", "private_cloud"},
        "on_prem": {"on_prem"},
    }[rule.locations]
    broken = []
    if site.kind not in allowed:
        broken.append(f"locations is {rule.locations}, the site is {site.kind}")
    if rule.countries is not None and site.country not in rule.countries:
        broken.append(f"countries are {', '.join(rule.countries)}, the site is in {site.country}")
    if rule.regions is not None and site.region not in rule.regions:
        broken.append(f"regions are {', '.join(rule.regions)}, the site is in {site.region}")
    if rule.providers is not None and site.provider is not None and site.provider not in rule.providers:
        broken.append(f"providers are {', '.join(rule.providers)}, the site is run by {site.provider}")
    broken += [f"the site lacks {name}" for name in rule.certifications if name not in site.certifications]
    findings.check("privacy", where, not broken, "; ".join(broken))


def _check_rules(
    resolved: ResolvedInstance,
    workload: Workload,
    deployment: Deployment,
    form: Variant | ProfiledOption,
    accuracy: dict[str, float],
    where: str,
    findings: Findings,
) -> None:
    """Quality floors and allow lists."""
    for floor in workload.accuracy:
        value = accuracy.get(floor.metric)
        known = "unknown" if value is None else f"{value:g}"
        message = f"{floor.metric} of {form.name} is {known}, the floor is {floor.at_least:g}"
        excess = None if value is None else floor.at_least - value
        findings.check("accuracy", where, value is not None and value >= floor.at_least, message, excess, floor.metric)
    if workload.precisions is not None:
        message = f"{form.precision} is not among the allowed precisions {', '.join(workload.precisions)}"
        findings.check("precision", where, form.precision in workload.precisions, message)
    if workload.accelerators is not None:
        accelerator = resolved.accelerator_of(deployment.node_type).name
        message = f"{accelerator} is not among the allowed accelerators {', '.join(workload.accelerators)}"
        findings.check("accelerator", where, accelerator in workload.accelerators, message)


def _check_labels(
    deployment: Deployment,
    empty: tuple[str, None],
    right: tuple[str | None, str, str, str | None],
    where: str,
    findings: Findings,
) -> None:
    """Words that a plan repeats for its reader, and a field that this kind of workload leaves empty."""
    names = ("precision", "bottleneck", "provenance", "evidence")
    for name, is_ in (empty, *zip(names, right, strict=True)):
        said = getattr(deployment, name)
        if said is not None:
            findings.check(
                "figures", where, said == is_, f"{name} is {said} in the plan, but it is {is_ or 'empty'} here"
            )


def _check_parallelism(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    deployment: Deployment,
    where: str,
    findings: Findings,
) -> None:
    """The model can be cut that way, and the batch is allowed."""
    cut, shape = deployment.parallelism, card.architecture
    node = resolved.node_types[deployment.node_type].accelerators
    heads = shape.attention.heads if isinstance(shape, Decoder) else cut.tensor
    experts = shape.experts if isinstance(shape, Decoder) else 0
    layers = shape.layers if isinstance(shape, Decoder | Encoder) else 1
    for holds, message in (
        (cut.tensor <= node, f"tensor {cut.tensor} leaves the node of {node} accelerators"),
        (heads % cut.tensor == 0, f"tensor {cut.tensor} does not divide the {heads} heads of {card.name}"),
        (cut.pipeline <= layers, f"pipeline {cut.pipeline} is deeper than the {layers} stages of {card.name}"),
        ((cut.tensor * cut.data) % cut.expert == 0, f"expert {cut.expert} does not divide tensor x data"),
        (cut.expert == 1 or (experts and experts % cut.expert == 0), f"expert {cut.expert} does not divide {experts}"),
    ):
        findings.check("parallelism", where, bool(holds), message)
    check_split(resolved, workload, card, deployment, where, findings)
    if not isinstance(workload, Training) and workload.max_batch is not None:
        message = f"batch is {deployment.batch}, at most {workload.max_batch} is allowed"
        excess = deployment.batch - workload.max_batch
        findings.check("batch", where, excess <= 0, message, excess, "requests")


def _profiled(
    resolved: ResolvedInstance, workload: Profiled, plan: Plan, index: int, where: str, findings: Findings
) -> Capability | None:
    deployment = plan.deployments[index]
    profile = next((option for option in workload.options if option.name == deployment.option), None)
    if not findings.check("names", where, profile is not None, f"the workload has no option {deployment.option}"):
        return None
    assert profile is not None
    message = f"option {profile.name} was measured on {profile.node_type}"
    if not findings.check("profile", where, profile.node_type == deployment.node_type, message):
        return None
    labels = (profile.precision, "profile", "measured", profile.source)
    _check_labels(deployment, ("variant", None), labels, where, findings)
    message = f"option {profile.name} takes {profile.accelerators} accelerators"
    findings.check("profile", where, profile.accelerators == deployment.parallelism.accelerators, message)
    accuracy = {figure.metric: figure.at_least for figure in profile.accuracy}
    _check_rules(resolved, workload, deployment, profile, accuracy, where, findings)
    taken = taken_measures(plan)
    speed = speed_in_setting(resolved, workload, deployment, profile.name, taken, where, findings)
    check_no_model(deployment, where, findings)
    check_rate_interval(deployment, MEASURED.low, MEASURED.high, where, findings)
    sure = 1.0 if resolved.instance.performance == "p50" else ninety_percent(MEASURED.low, is_lower=True)
    able = workload.max_utilisation * speed * sure
    rates = tuple(profile.rates.get(group.name, 0.0) * able for group in workload.classes)
    missed = missed_floors(workload, accuracy)
    rates = allowed_rates(workload, rates, missed)
    return Capability(index, workload, rates, None, None, None, missed, accuracy, speed)


def _modelled(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    plan: Plan,
    index: int,
    known: dict[FiguresKey, Estimate],
    where: str,
    findings: Findings,
) -> Capability | None:
    deployment = plan.deployments[index]
    card = card_of(resolved, workload, deployment, where, findings)
    if card is None:
        return None
    variant = next((v for v in card.variants if v.name == deployment.variant), None)
    if not findings.check("names", where, variant is not None, f"{card.name} has no variant {deployment.variant}"):
        return None
    assert variant is not None
    accuracy = {figure.metric: figure.value for figure in variant.accuracy}
    _check_rules(resolved, workload, deployment, variant, accuracy, where, findings)
    figures = figures_of(resolved, workload, card, variant, deployment, known)
    if not _may_run(resolved, card, variant, deployment, figures, where, findings):
        return None
    _check_parallelism(resolved, workload, card, deployment, where, findings)
    speed = speed_in_setting(resolved, workload, deployment, variant.name, taken_measures(plan), where, findings)
    bottleneck, provenance, evidence = (str(w[0]) for w in (figures.bottleneck, figures.provenance, figures.evidence))
    labels = (variant.precision, bottleneck, provenance, evidence)
    _check_labels(deployment, ("option", None), labels, where, findings)
    check_rate_interval(deployment, float(figures.rate_low.min()), float(figures.rate_high.max()), where, findings)
    if isinstance(workload, Training):
        message = f"{variant.name} is made by {variant.method} from a finished model and cannot be trained"
        findings.check("method", where, variant.method in TRAINABLE, message)
        on_time = _on_time(workload, deployment, figures, speed, where, findings)
        return Capability(index, workload, (on_time,), figures, variant, card, {}, accuracy, speed)
    missed = missed_floors(workload, accuracy)
    rates = allowed_rates(workload, tuple(float(rate) * speed for rate in figures.max_rate[0]), missed)
    return Capability(index, workload, rates, figures, variant, card, missed, accuracy, speed)


def figures_of(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    variant: Variant,
    deployment: Deployment,
    known: dict[FiguresKey, Estimate],
    load: float = 1.0,
) -> Estimate:
    """The performance model's figures for one deployment, as the instance counts on them; `known` keeps them, since a
    plan has the same one in many periods."""
    key = (workload.name, card.name, variant.name, deployment.node_type, deployment.parallelism, deployment.batch, load)
    if key not in known:
        known[key] = _estimated(resolved, workload, card, variant, deployment, load)
    return known[key]


def _estimated(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    variant: Variant,
    deployment: Deployment,
    load: float,
) -> Estimate:
    node = resolved.node_types[deployment.node_type]
    configuration = Configurations.of([(deployment.parallelism, deployment.batch)])
    accelerator = resolved.accelerator_of(deployment.node_type)
    performance = resolved.instance.performance
    figures = estimate(
        workload,
        card,
        variant,
        accelerator,
        node,
        configuration,
        load,
        efficiency=Efficiency.of(resolved.calibration),
        engine=engine_of(workload),
        profiles=resolved.profiles,
        performance=performance,
    )
    return counted_on(figures, performance)


def _may_run(
    resolved: ResolvedInstance,
    card: ModelCard,
    variant: Variant,
    deployment: Deployment,
    figures: Estimate,
    where: str,
    findings: Findings,
) -> bool:
    """Arithmetic, memory and software; what was measured as it stands has run. False when the rest makes no sense."""
    if str(figures.provenance[0]) in ("measured", "interpolated"):
        return True
    if resolved.instance.measurements_policy == "only":
        message = "measurements_policy is only, but this was not measured for every class"
        findings.check("measured", where, False, message)
    accelerator = resolved.accelerator_of(deployment.node_type).name
    message = f"{accelerator} cannot compute in {variant.compute_precision}"
    if not findings.check("precision", where, figures.precision_supported, message):
        return False
    _check_memory(figures, where, findings)
    _check_software(resolved, card, variant, deployment, where, findings)
    return True


def _check_software(
    resolved: ResolvedInstance,
    card: ModelCard,
    variant: Variant,
    deployment: Deployment,
    where: str,
    findings: Findings,
) -> None:
    if card.runtimes:
        accelerator = resolved.accelerator_of(deployment.node_type)
        runs = any(runtime.runs(accelerator, variant) for runtime in card.runtimes)
        message = f"no runtime of {card.name} runs {variant.name} on {accelerator.name}"
        findings.check("software", where, runs, message)


def _check_memory(figures: Estimate, where: str, findings: Findings) -> None:
    needed, limit = float(figures.memory_gb[0]), figures.memory_limit_gb
    message = f"needs {needed:.4g} GB per accelerator, {limit:.4g} GB are usable"
    findings.check("memory", where, needed <= limit, message, needed - limit, "GB")


def _on_time(
    workload: Training, deployment: Deployment, figures: Estimate, speed: float, where: str, findings: Findings
) -> float:
    days = float(figures.training_days[0]) / speed if speed else math.inf
    message = f"trains for {days:.4g} days, the deadline is {workload.deadline_days:g} days"
    on_time = days <= workload.deadline_days * (1 + TOLERANCE)
    findings.check("deadline", where, on_time, message, days - workload.deadline_days, "days")
    if workload.parallelism is not None:
        label = deployment.parallelism.label
        message = f"{label} is not among the allowed {', '.join(workload.parallelism)}"
        findings.check("parallelism", where, label in workload.parallelism, message)
    return 1.0 if on_time else 0.0
