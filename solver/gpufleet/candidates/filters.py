"""The rules that a candidate must pass, each as limit, actual values and a mask.

One `Check` speaks about all n configurations of one variant on one pool at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.candidates.configuration import parallelism_at
from gpufleet.performance.estimate import limits_ms
from gpufleet.schema.models import TRAINABLE
from gpufleet.schema.workloads import Privacy, Training

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from gpufleet.candidates.rejection import Rule
    from gpufleet.performance.estimate import Configurations, Estimate
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard, Variant
    from gpufleet.schema.offers import Site
    from gpufleet.schema.workloads import LLMServing, RequestServing, Workload


_ANYWHERE = Privacy()


@dataclass(frozen=True)
class Check:
    """One rule over n configurations."""

    rule: Rule
    fails: npt.NDArray[np.bool_]
    """Shape (n,)."""
    limit: float | str
    actual: npt.NDArray[np.float64] | str
    """Shape (n,), or one text for all."""
    unit: str
    at_least: bool = False


def machine_checks(
    workload: LLMServing | RequestServing | Training,
    variant: Variant,
    estimate: Estimate,
    speed: npt.NDArray[np.float64],
    shapes: Iterable[Check] = (),
) -> Iterator[Check]:
    """Memory sets the ceiling, compute sets the efficiency; `speed` (n,) is what measures and interruptions leave.

    What was measured runs, whatever the model says of memory and arithmetic. `shapes` are checks on measured options.
    """
    needed, unproven = estimate.memory_gb, ~estimate.is_measured
    too_large = (needed > estimate.memory_limit_gb) & unproven
    yield Check("memory", too_large, estimate.memory_limit_gb, needed, "GB per accelerator")
    if not estimate.precision_supported:
        yield Check("precision", unproven, "supported", f"{variant.compute_precision} not supported", "arithmetic")
        if unproven.all():
            return
    yield from shapes
    if isinstance(workload, Training):
        # where interruptions leave no time at all there are no days to state: `spot_check` says why
        late = (estimate.max_rate[:, 0] * speed < 1) & (speed > 0)
        days = estimate.training_days / np.where(speed > 0, speed, np.nan)
        yield Check("deadline", late, workload.deadline_days, np.nan_to_num(days, nan=np.inf), "days to train")
    else:
        yield from _latency_checks(workload, estimate)


def _latency_checks(workload: LLMServing | RequestServing, estimate: Estimate) -> Iterator[Check]:
    """A candidate dies when it can serve no class; the SLO named is the one that its best class misses most."""
    dead = ~np.any(estimate.max_rate > 0, axis=1)
    if workload.slo:
        limits = np.array([limits_ms(slo, workload.classes) for slo in workload.slo])
        excess = estimate.idle_latency_ms / limits[None, :, :]
        rows = np.arange(len(dead))
        best_class = np.argmin(np.max(excess, axis=1), axis=1)
        worst_slo = np.argmax(excess[rows, :, best_class], axis=1)
        misses = excess[rows, worst_slo, best_class] > 1
        for index, slo in enumerate(workload.slo):
            actual = estimate.idle_latency_ms[rows, index, best_class]
            unit = f"ms {slo.metric} p{slo.percentile:g}, idle"
            yield Check("latency", dead & misses & (worst_slo == index), slo.limit_ms, actual, unit)
    saturation = np.max(estimate.saturation_rate, axis=1)
    yield Check(
        "throughput", dead, "a positive rate inside every SLO", saturation, "requests/s at saturation", at_least=True
    )


def software_check(card: ModelCard, variant: Variant, accelerator: Accelerator, estimate: Estimate) -> Iterator[Check]:
    """Some runtime of the model card must run the variant on the accelerator, if the card names any; what was measured
    has run."""
    if card.runtimes and not any(runtime.runs(accelerator, variant) for runtime in card.runtimes):
        names = ", ".join(dict.fromkeys(runtime.name for runtime in card.runtimes))
        actual = f"none runs {variant.name} on {accelerator.name}"
        yield Check("software", ~estimate.is_measured, f"one of {names}", actual, "runtime")


def method_check(workload: Workload, variant: Variant, n: int) -> Iterator[Check]:
    """A variant made by quantising a finished model cannot be trained."""
    if isinstance(workload, Training) and variant.method not in TRAINABLE:
        yield Check("method", np.ones(n, dtype=bool), ", ".join(sorted(TRAINABLE)), variant.method, "method")


def measure_check(variant: str, needed: Sequence[str], taken: Sequence[str], n: int) -> Iterator[Check]:
    """A variant that measures unlock needs one of them."""
    if needed and not set(needed) & set(taken):
        yield Check("measure", np.ones(n, dtype=bool), f"one of {', '.join(needed)}", f"{variant} without", "measure")


def spot_check(workload: Workload, spot: str | None, speed: npt.NDArray[np.float64]) -> Iterator[Check]:
    """Some workloads keep away from nodes that can be taken away; some nodes are taken away all the time."""
    if spot is not None and not workload.max_spot_share:
        yield Check("spot", np.ones(len(speed), dtype=bool), "max_spot_share: 0", spot, "offer")
    elif spot is not None:
        yield Check("spot", speed <= 0, "time left between interruptions", f"none on {spot}", "offer")


def site_checks(workload: Workload, site: Site, n: int) -> Iterator[Check]:
    """Where the data may go."""
    if workload.privacy == _ANYWHERE:
        return
    for allowed, limit, actual in _privacy_clauses(workload, site):
        if not allowed:
            yield Check("privacy", np.ones(n, dtype=bool), limit, actual, "site")
            return


def _privacy_clauses(workload: Workload, site: Site) -> Iterator[tuple[bool, str, str]]:
    privacy = workload.privacy
    kinds = {"any": None, "private": ("on_prem", "private_cloud"), "on_prem": ("on_prem",)}[privacy.locations]
    yield kinds is None or site.kind in kinds, f"locations: {privacy.locations}", site.kind
    yield _is_in(site.country, privacy.countries), _listed("countries", privacy.countries), site.country
    yield _is_in(site.region, privacy.regions), _listed("regions", privacy.regions), site.region or "no region"
    own = site.provider is None
    yield own or _is_in(site.provider, privacy.providers), _listed("providers", privacy.providers), site.provider or ""
    missing = sorted(set(privacy.certifications) - set(site.certifications))
    yield not missing, _listed("certifications", privacy.certifications), f"lacks {', '.join(missing)}"


def _is_in(value: str | None, allowed: Sequence[str] | None) -> bool:
    return allowed is None or value in allowed


def _listed(name: str, values: Sequence[str] | None) -> str:
    return f"{name}: {', '.join(values or ())}"


def variant_checks(
    workload: Workload, precision: str | None, accuracy: dict[str, float], accelerator: Accelerator, n: int
) -> Iterator[Check]:
    """Quality floors, and the precisions and accelerators that the workload allows."""
    everything = np.ones(n, dtype=bool)
    for floor in workload.accuracy:
        value = accuracy.get(floor.metric)
        if value is None:
            yield Check("accuracy", everything, floor.at_least, "unknown", floor.metric, at_least=True)
        elif value < floor.at_least:
            yield Check("accuracy", everything, floor.at_least, np.full(n, value), floor.metric, at_least=True)
    if not _is_in(precision, workload.precisions):
        yield Check(
            "allowed_precision", everything, _listed("precisions", workload.precisions), str(precision), "precision"
        )
    if not _is_in(accelerator.name, workload.accelerators):
        limit = _listed("accelerators", workload.accelerators)
        yield Check("allowed_accelerator", everything, limit, accelerator.name, "accelerator")


def stock_check(accelerators: npt.NDArray[np.float64], pool_accelerators: int | None) -> Iterator[Check]:
    """One replica must fit into everything that the pool's offers can deliver."""
    if pool_accelerators is not None:
        limit = float(pool_accelerators)
        yield Check("stock", accelerators > limit, limit, accelerators, "accelerators in the pool")


def parallelism_check(workload: Workload, candidates: Configurations) -> Iterator[Check]:
    """A training workload may name the only parallelisms it allows."""
    if isinstance(workload, Training) and workload.parallelism is not None:
        labels = [parallelism_at(candidates, index).label for index in range(len(candidates.tensor))]
        wrong = np.array([label not in workload.parallelism for label in labels])
        yield Check(
            "allowed_parallelism", wrong, _listed("parallelism", workload.parallelism), "another", "parallelism"
        )
