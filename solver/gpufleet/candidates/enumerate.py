"""Enumerate, filter and prune: from a resolved instance to its deployment options."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, get_args

import numpy as np

from gpufleet.candidates import filters
from gpufleet.candidates.configuration import parallelism_at, subset
from gpufleet.candidates.dominance import undominated
from gpufleet.candidates.grid import configurations
from gpufleet.candidates.option import Candidates, Option
from gpufleet.candidates.profiled import profiled_checks, profiled_configuration, profiled_rates
from gpufleet.candidates.rejection import Block, Rejections, Rule
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.plan import FunnelStep
from gpufleet.schema.workloads import Profiled, Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

Pool = tuple[str, str]
"""(site, node type)"""


def build_candidates(resolved: ResolvedInstance) -> Candidates:
    """All deployment options of all workloads, with everything that was eliminated on the way."""
    pools = pools_of(resolved)
    rejections = Rejections()
    options: dict[str, tuple[Option, ...]] = {}
    funnel: list[FunnelStep] = []
    for workload in resolved.instance.workloads:
        found = list(_survivors(resolved, workload, pools, rejections))
        options[workload.name] = tuple(_prune(workload, found, rejections))
        funnel += _funnel(workload.name, len(options[workload.name]), rejections)
    return Candidates(options, rejections, tuple(funnel))


def pools_of(resolved: ResolvedInstance) -> dict[Pool, int | None]:
    """Pools in order of site and node type, with the nodes that their offers can deliver (None: no limit).

    A node type's partitions have pools of their own: each of the same nodes can run as any of them.
    """
    stock: dict[Pool, int | None] = {}
    for offer in resolved.offers.values():
        pool = (offer.site, offer.node_type)
        known = stock.get(pool, 0)
        stock[pool] = None if known is None or offer.stock is None else known + offer.stock
    for (site, node_type), nodes in list(stock.items()):
        stock |= {(site, partition.name): nodes for partition in resolved.partitions_of(node_type)}
    return dict(sorted(stock.items()))


@dataclass(frozen=True)
class _Batch:
    """All configurations of one variant (or profile) on one node type, before a site is chosen."""

    node_type: str
    variant: str
    is_profile: bool
    precision: str | None
    accuracy: dict[str, float]
    candidates: Configurations
    rates: Sequence[tuple[Fraction, ...]] | npt.NDArray[np.float64]
    """Per configuration and class, requests/s."""
    checks: tuple[filters.Check, ...]
    """What the machine itself rules out."""


@dataclass(frozen=True)
class _Survivors:
    """Configurations of a batch that passed every rule at one site."""

    site: str
    batch: _Batch
    indices: npt.NDArray[np.int64]


def _survivors(
    resolved: ResolvedInstance, workload: Workload, pools: dict[Pool, int | None], rejections: Rejections
) -> Iterator[_Survivors]:
    sites: dict[str, dict[str, int | None]] = {}
    for (site, node_type), nodes in pools.items():
        sites.setdefault(node_type, {})[site] = nodes
    for node_type, stocks in sites.items():
        for batch in _batches(resolved, workload, node_type, list(stocks.values())):
            for site, nodes in stocks.items():
                yield _Survivors(site, batch, _filter(resolved, workload, batch, site, nodes, rejections))


def _batches(
    resolved: ResolvedInstance, workload: Workload, node_type: str, stocks: list[int | None]
) -> Iterator[_Batch]:
    if isinstance(workload, Profiled):
        yield from _profiled_batches(resolved, workload, node_type)
        return
    node, accelerator, card = (
        resolved.node_types[node_type],
        resolved.accelerator_of(node_type),
        resolved.model_of(workload),
    )
    assert card is not None
    limits = [nodes for nodes in stocks if nodes is not None]
    grid = configurations(workload, card, node, max(limits) if len(limits) == len(stocks) else None)
    steady = isinstance(workload, Training) and not resolved.instance.periods
    for variant in card.variants:
        figures = estimate(workload, card, variant, accelerator, node, grid)
        rates = figures.max_rate
        yield _Batch(
            node_type=node_type,
            variant=variant.name,
            is_profile=False,
            precision=variant.precision,
            accuracy={accuracy.metric: accuracy.value for accuracy in variant.accuracy},
            candidates=grid,
            # a run that may not stop is one gang of accelerators all the time: finishing sooner gains nothing
            rates=np.minimum(rates, 1.0) if steady else rates,
            checks=(
                *filters.machine_checks(workload, variant, figures),
                *filters.software_check(card, variant, accelerator, len(grid.batch)),
                *filters.method_check(workload, variant, len(grid.batch)),
            ),
        )


def _profiled_batches(resolved: ResolvedInstance, workload: Profiled, node_type: str) -> Iterator[_Batch]:
    for profile in workload.options:
        if profile.node_type == node_type:
            yield _Batch(
                node_type=node_type,
                variant=profile.name,
                is_profile=True,
                precision=profile.precision,
                accuracy={accuracy.metric: accuracy.at_least for accuracy in profile.accuracy},
                candidates=profiled_configuration(profile),
                rates=[profiled_rates(workload, profile)],
                checks=tuple(profiled_checks(profile, resolved.node_types[node_type])),
            )


def _filter(
    resolved: ResolvedInstance,
    workload: Workload,
    batch: _Batch,
    site: str,
    nodes: int | None,
    rejections: Rejections,
) -> npt.NDArray[np.int64]:
    """Indices of the configurations that pass every rule; the others become rejections."""
    n = len(batch.candidates.tensor)
    alive = np.ones(n, dtype=bool)
    pool_accelerators = None if nodes is None else nodes * resolved.node_types[batch.node_type].accelerators
    for check in chain(
        batch.checks,
        filters.site_checks(workload, resolved.sites[site], n),
        filters.variant_checks(workload, batch.precision, batch.accuracy, resolved.accelerator_of(batch.node_type), n),
        filters.parallelism_check(workload, batch.candidates),
        filters.stock_check(batch.candidates.accelerators, pool_accelerators),
    ):
        killed = alive & check.fails
        if killed.any():
            rejections.add(_block(workload, batch, site, check, np.flatnonzero(killed)))
            alive &= ~killed
    return np.flatnonzero(alive)


def _block(workload: Workload, batch: _Batch, site: str, check: filters.Check, indices: npt.NDArray[np.int64]) -> Block:
    return Block(
        workload=workload.name,
        rule=check.rule,
        site=site,
        node_type=batch.node_type,
        variant=batch.variant,
        candidates=subset(batch.candidates, indices),
        limit=check.limit,
        actual=check.actual if isinstance(check.actual, str) else check.actual[indices],
        unit=check.unit,
        at_least=check.at_least,
    )


def _prune(workload: Workload, found: list[_Survivors], rejections: Rejections) -> Iterator[Option]:
    """Drop dominated options, pool by pool."""
    pools: dict[Pool, list[_Survivors]] = {}
    for survivors in found:
        if len(survivors.indices):
            pools.setdefault((survivors.site, survivors.batch.node_type), []).append(survivors)
    for pool in sorted(pools):
        yield from _prune_pool(workload, pools[pool], rejections)


def _prune_pool(workload: Workload, group: list[_Survivors], rejections: Rejections) -> Iterator[Option]:
    accelerators = np.concatenate([s.batch.candidates.accelerators[s.indices] for s in group]).astype(np.int64)
    rates = np.array(
        [s.batch.rates[i] for s in group for i in s.indices], dtype=object if group[0].batch.is_profile else float
    )
    keep = undominated(
        accelerators, rates, one_for_one=workload.max_replicas is not None or isinstance(workload, Training)
    )
    start = 0
    for survivors in group:
        mask = keep[start : start + len(survivors.indices)]
        start += len(survivors.indices)
        check = filters.Check("dominated", ~mask, "undominated", "dominated", "by an option of the same pool")
        rejections.add(_block(workload, survivors.batch, survivors.site, check, survivors.indices[~mask]))
        yield from (_option(workload, survivors, index) for index in survivors.indices[mask])


def _option(workload: Workload, survivors: _Survivors, index: int) -> Option:
    batch = survivors.batch
    parallelism = parallelism_at(batch.candidates, index)
    return Option(
        workload=workload.name,
        site=survivors.site,
        node_type=batch.node_type,
        variant=None if batch.is_profile else batch.variant,
        profile=batch.variant if batch.is_profile else None,
        parallelism=parallelism,
        batch=int(batch.candidates.batch[index]),
        accelerators=parallelism.accelerators,
        rates=tuple(rate if isinstance(rate, Fraction) else exact(float(rate)) for rate in batch.rates[index]),
    )


def _funnel(workload: str, survivors: int, rejections: Rejections) -> list[FunnelStep]:
    """Counts per rule, in the order of application, ending with the survivors."""
    rules: tuple[Rule, ...] = get_args(Rule)
    eliminated = {rule: rejections.count(workload, rule) for rule in rules}
    before = survivors + sum(eliminated.values())
    steps = []
    for rule in rules:
        if eliminated[rule]:
            steps.append(FunnelStep(workload=workload, rule=rule, before=before, eliminated=eliminated[rule]))
            before -= eliminated[rule]
    return [*steps, FunnelStep(workload=workload, rule="kept", before=before, eliminated=0)]
