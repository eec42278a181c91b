"""Enumerate, filter and prune: from a resolved instance to its deployment options."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, get_args

import numpy as np

from gpufleet.candidates import class_floors, filters
from gpufleet.candidates.configuration import parallelism_at, subset
from gpufleet.candidates.dominance import undominated
from gpufleet.candidates.figures import Batch, Calibrated, Machine, asked_of, figures
from gpufleet.candidates.measured import measured_checks, measured_rows
from gpufleet.candidates.option import Candidates, Option, variant_label
from gpufleet.candidates.profiled import by_node_type, profiled_checks, profiled_configuration, profiled_rates
from gpufleet.candidates.rejection import Block, Rejections, Rule
from gpufleet.candidates.settings import Setting, measures_for, settings, unlocking
from gpufleet.interruption import look
from gpufleet.schema.elimination import FunnelStep
from gpufleet.schema.workloads import Profiled, Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from gpufleet.performance.estimate import Configurations
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import LLMServing, ProfiledOption, RequestServing, Workload

    ModelledWorkload = LLMServing | RequestServing | Training

Pool = tuple[str, str, str | None]
"""(site, node type, spot offer): nodes of a spot offer are a pool of their own, those of all other terms are one."""
Stocks = dict[tuple[str, str | None], int | None]
"""(site, spot offer) of one node type to the nodes that can be had there (None: no limit)."""


def build_candidates(resolved: ResolvedInstance) -> Candidates:
    """All deployment options of all workloads, with everything that was eliminated on the way."""
    places, calibrated = _places(pools_of(resolved)), Calibrated(resolved.calibration)
    rejections = Rejections()
    options: dict[str, tuple[Option, ...]] = {}
    funnel: list[FunnelStep] = []
    for workload in resolved.instance.workloads:
        earlier = len(rejections.blocks)
        found = list(_survivors(resolved, workload, places, calibrated, rejections))
        options[workload.name] = tuple(_prune(workload, found, rejections))
        funnel += _funnel(workload.name, len(options[workload.name]), rejections.blocks[earlier:])
    return Candidates(options, rejections, tuple(funnel))


def pools_of(resolved: ResolvedInstance) -> dict[Pool, int | None]:
    """Pools in order of site and node type, with the nodes that their offers can deliver (None: no limit).

    A node type's partitions have pools of their own: each of the same nodes can run as any of them.
    """
    stock: dict[Pool, int | None] = {}
    for offer in resolved.offers.values():
        pool = (offer.site, offer.node_type, offer.name if offer.term == "spot" else None)
        known = stock.get(pool, 0)
        stock[pool] = None if known is None or offer.stock is None else known + offer.stock
    for (site, node_type, spot), nodes in list(stock.items()):
        stock |= {(site, partition.name, spot): nodes for partition in resolved.partitions_of(node_type)}
    return dict(sorted(stock.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or "")))


@dataclass(frozen=True)
class _Batch:
    """All configurations of one variant (or profile) on one node type in one setting, before a site is chosen."""

    node_type: str
    model: str | None
    """Model card, where the workload has alternatives."""
    variant: str
    is_profile: bool
    precision: str | None
    accuracy: dict[str, float]
    candidates: Configurations
    node_accelerators: int
    setting: Setting
    rates: Sequence[tuple[Fraction, ...]] | npt.NDArray[np.float64]
    """Per configuration and class, requests/s; 0 for classes whose accuracy floors the variant misses."""
    able: npt.NDArray[np.bool_]
    """(n, C) what it could serve, accuracy aside."""
    checks: tuple[filters.Check, ...]
    """What the machine itself, and the setting, rule out."""


@dataclass(frozen=True)
class _Survivors:
    """Configurations of a batch that passed every rule at one site."""

    site: str
    batch: _Batch
    indices: npt.NDArray[np.int64]


def _places(pools: dict[Pool, int | None]) -> dict[str, Stocks]:
    """Where each node type can be had."""
    places: dict[str, Stocks] = {}
    for (site, node_type, spot), nodes in pools.items():
        places.setdefault(node_type, {})[site, spot] = nodes
    return places


def _survivors(
    resolved: ResolvedInstance,
    workload: Workload,
    places: dict[str, Stocks],
    calibrated: Calibrated,
    rejections: Rejections,
) -> Iterator[_Survivors]:
    profiles = by_node_type(workload) if isinstance(workload, Profiled) else {}
    for node_type in (name for name in places if name in profiles) if profiles else places:
        stocks, measured = places[node_type], profiles.get(node_type, [])
        for batch in _batches(resolved, workload, node_type, stocks, calibrated, measured):
            for (site, spot), nodes in stocks.items():
                if spot == batch.setting.spot_name:
                    yield _Survivors(site, batch, _filter(resolved, workload, batch, site, nodes, rejections))


def _spots(resolved: ResolvedInstance, stocks: Stocks) -> list[Offer | None]:
    """The spot offers of a node type, and None when other nodes of it can be had."""
    names = dict.fromkeys(spot for _, spot in stocks)
    return [None if name is None else resolved.offers[name] for name in names]


def _batches(
    resolved: ResolvedInstance,
    workload: Workload,
    node_type: str,
    stocks: Stocks,
    calibrated: Calibrated,
    profiles: Sequence[ProfiledOption],
) -> Iterator[_Batch]:
    if isinstance(workload, Profiled):
        yield from _profiled_batches(resolved, workload, node_type, profiles, _spots(resolved, stocks))
        return
    limits = [nodes for nodes in stocks.values() if nodes is not None]
    most_nodes = max(limits) if len(limits) == len(stocks) else None
    for card in resolved.models_of(workload):
        spots = _spots(resolved, stocks)
        yield from _modelled_batches(resolved, workload, card, node_type, most_nodes, spots, calibrated)


def _modelled_batches(
    resolved: ResolvedInstance,
    workload: ModelledWorkload,
    card: ModelCard,
    node_type: str,
    most_nodes: int | None,
    spots: list[Offer | None],
    calibrated: Calibrated,
) -> Iterator[_Batch]:
    node, accelerator = resolved.node_types[node_type], resolved.accelerator_of(node_type)
    machine = Machine(workload, asked_of(workload), card, node, most_nodes)
    steady = isinstance(workload, Training) and not resolved.instance.periods
    alone = isinstance(workload, Training) or not workload.alternatives
    for variant in card.variants:
        look()
        accuracy = {figure.metric: figure.value for figure in variant.accuracy}
        good = class_floors.good_enough(workload, accuracy)
        measured = measured_rows(resolved.profiles, workload, card, variant, node)
        performance = resolved.instance.performance
        batch = Batch(machine, variant, accelerator, measured, resolved.profiles, performance, calibrated)
        grid, reached = figures(batch)
        shapes = tuple(measured_checks(resolved.profiles, reached, grid, node))
        measures = measures_for(resolved, workload, accelerator, variant.name)
        needed = unlocking(resolved, workload, variant.name)
        for setting in settings(measures, spots):
            speed = setting.speeds(grid.accelerators, node.accelerators)
            rates = reached.max_rate * speed[:, None]
            # a run that may not stop is one gang of accelerators all the time: finishing sooner gains nothing
            rates = np.minimum(rates, 1.0) if steady else rates
            yield _Batch(
                node_type=node_type,
                model=None if alone else card.name,
                variant=variant.name,
                is_profile=False,
                precision=variant.precision,
                accuracy=accuracy,
                candidates=grid,
                node_accelerators=node.accelerators,
                setting=setting,
                rates=rates * good,
                able=rates > 0,
                checks=(
                    *filters.machine_checks(workload, variant, reached, speed, shapes),
                    *filters.software_check(card, variant, accelerator, reached),
                    *filters.method_check(workload, variant, len(grid.batch)),
                    *filters.measure_check(variant.name, needed, setting.measure_names, len(grid.batch)),
                    *filters.spot_check(workload, setting.spot_name, speed),
                ),
            )


def _profiled_batches(
    resolved: ResolvedInstance,
    workload: Profiled,
    node_type: str,
    profiles: Sequence[ProfiledOption],
    spots: list[Offer | None],
) -> Iterator[_Batch]:
    accelerator, size = resolved.accelerator_of(node_type), resolved.node_types[node_type].accelerators
    for profile in profiles:
        look()
        measures = measures_for(resolved, workload, accelerator, profile.name)
        needed = unlocking(resolved, workload, profile.name)
        rates = profiled_rates(workload, profile, resolved.instance.performance)
        accuracy = {figure.metric: figure.at_least for figure in profile.accuracy}
        good = class_floors.good_enough(workload, accuracy)
        for setting in settings(measures, spots):
            speed = setting.speed(-(-profile.accelerators // size))
            yield _Batch(
                node_type=node_type,
                model=None,
                variant=profile.name,
                is_profile=True,
                precision=profile.precision,
                accuracy=accuracy,
                candidates=profiled_configuration(profile),
                node_accelerators=size,
                setting=setting,
                rates=[_exact_rates(rates, speed, good)],
                able=np.array([[rate > 0 for rate in rates]]),
                checks=(
                    *profiled_checks(profile, resolved.node_types[node_type]),
                    *filters.measure_check(profile.name, needed, setting.measure_names, 1),
                    *filters.spot_check(workload, setting.spot_name, np.array([float(speed)])),
                ),
            )


def _exact_rates(rates: tuple[Fraction, ...], speed: Fraction, good: npt.NDArray[np.bool_]) -> tuple[Fraction, ...]:
    """Rates at a speed; 0 for classes that the option is not good enough for."""
    if speed == 1 and good.all():
        return rates
    return tuple(rate * speed * int(enough) for rate, enough in zip(rates, good, strict=True))


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
        class_floors.checks(workload, batch.accuracy, batch.able),
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
        variant=variant_label(batch.model, batch.variant),
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
            pool = (survivors.site, survivors.batch.node_type, survivors.batch.setting.spot_name)
            pools.setdefault(pool, []).append(survivors)
    for pool in sorted(pools, key=lambda key: (key[0], key[1], key[2] or "")):
        look()
        first, *others = pools[pool]
        if not others and len(first.indices) == 1:
            yield _option(workload, first, first.indices[0])  # nothing is there that could replace it
            continue
        needs = dict.fromkeys(survivors.batch.setting.measure_names for survivors in pools[pool])
        for measures in sorted(needs, key=len):
            yield from _prune_pool(workload, measures, pools[pool], rejections)


def _prune_pool(
    workload: Workload, measures: tuple[str, ...], group: list[_Survivors], rejections: Rejections
) -> Iterator[Option]:
    """Options that need just these measures; others that need fewer of them may dominate them too."""
    fewer = [s for s in group if set(s.batch.setting.measure_names) < set(measures)]
    same = [s for s in group if s.batch.setting.measure_names == measures]
    members = [*fewer, *same]
    accelerators = np.concatenate([s.batch.candidates.accelerators[s.indices] for s in members]).astype(np.int64)
    rates = np.array(
        [s.batch.rates[i] for s in members for i in s.indices], dtype=object if group[0].batch.is_profile else float
    )
    keep = undominated(
        accelerators, rates, one_for_one=workload.max_replicas is not None or isinstance(workload, Training)
    )
    start = sum(len(s.indices) for s in fewer)
    for survivors in same:
        mask = keep[start : start + len(survivors.indices)]
        start += len(survivors.indices)
        if not mask.all():
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
        model=batch.model,
        spot=batch.setting.spot_name,
        measures=batch.setting.measure_names,
        speed=batch.setting.speed(-(-parallelism.accelerators // batch.node_accelerators)),
    )


def _funnel(workload: str, survivors: int, blocks: Sequence[Block]) -> list[FunnelStep]:
    """Counts per rule, in the order of application, ending with the survivors; `blocks` are those of the workload."""
    rules: tuple[Rule, ...] = get_args(Rule)
    eliminated = {rule: sum(len(block) for block in blocks if block.rule == rule) for rule in rules}
    before = survivors + sum(eliminated.values())
    steps = []
    for rule in rules:
        if eliminated[rule]:
            steps.append(FunnelStep(workload=workload, rule=rule, before=before, eliminated=eliminated[rule]))
            before -= eliminated[rule]
    return [*steps, FunnelStep(workload=workload, rule="kept", before=before, eliminated=0)]
