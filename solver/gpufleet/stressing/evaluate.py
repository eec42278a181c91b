"""A plan under every scenario: what stays unmet, by workload.

A scenario is a moment: a period of a stage, errors of all throughputs, a factor on demand, and nodes that are down.
What the plan runs then is left as it is where that serves everything, which is looked up for all scenarios at once; for
the others the best use of the fleet is an integer program of its own (`serving`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.scenarios.draws import Draws
from gpufleet.schema.workloads import Training
from gpufleet.stressing.fleet import fleet_of, spot_presence
from gpufleet.stressing.placing import replicas_left
from gpufleet.stressing.serving import layout_of, served

if TYPE_CHECKING:
    from gpufleet.scenarios.draws import Bools, Floats, Integers
    from gpufleet.scenarios.settings import ScenarioSettings
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.fleet import Fleet, Moment
    from gpufleet.stressing.serving import Layout
    from gpufleet.verification.slices import PoolName

MET = 1e-6
"""Unmet demand up to this share counts as met: tolerances of the solver."""


@dataclass(frozen=True)
class Outcomes:
    """What happened to one plan."""

    unmet: dict[str, Floats]
    """(samples,) by workload: share of its requests that is unmet or late; of a training run, of its work."""
    asked: dict[str, Bools]
    """(samples,) by workload: was anything asked of it at that moment?"""
    weights: dict[str, float]
    """`unserved_weight` of each workload."""
    programs: int
    """Integer programs that had to be solved."""
    notes: tuple[str, ...]
    """Rules that the plan breaks."""

    @property
    def violated(self) -> Bools:
        """(samples,) is any workload short?"""
        return np.asarray(np.any([share > MET for share in self.unmet.values()], axis=0))

    @property
    def mean_unmet(self) -> Floats:
        """(samples,) mean of the workloads' shares, by weight; of those that are asked something then."""
        weights = np.array([self.weights[name] for name in self.unmet])[:, None] * np.array(list(self.asked.values()))
        total = weights.sum(axis=0)
        shares = (weights * np.array(list(self.unmet.values()))).sum(axis=0)
        return np.asarray(np.divide(shares, total, out=np.zeros_like(total), where=total > 0))


def outcomes(
    resolved: ResolvedInstance, plan: Plan, settings: ScenarioSettings, *, fixed_replicas: bool = False
) -> Outcomes:
    """Try a plan in all scenarios of the settings.

    Replicas may be moved and started anew on whatever nodes are up, in the forms that the plan runs in the stage; with
    `fixed_replicas` they stay where they are, and those on nodes that are down are lost. Requests are routed at best in
    both cases. Raises InputError for a plan that names what does not exist, or that cannot run.
    """
    fleet, draws = fleet_of(resolved, plan), Draws(settings)
    usual = fleet.resolved
    growth = draws.demand()
    which = draws.moments([float(moment.now.hours) for moment in fleet.moments])
    most = _most_nodes(fleet)
    down = {pool: draws.failures(pool, count, _presence(usual, pool, settings)) for pool, count in most.items()}
    unmet = {name: np.zeros(settings.samples) for name in usual.workloads}
    asked = {name: np.zeros(settings.samples, dtype=np.bool_) for name in usual.workloads}
    programs = 0
    for number, moment in enumerate(fleet.moments):
        inside = np.flatnonzero(which == number)
        scene = _Scene(usual, moment, draws, growth, down, inside, fixed_replicas)
        programs += scene.fill(unmet, asked)
    weights = {name: workload.unserved_weight for name, workload in usual.workloads.items()}
    return Outcomes(unmet, asked, weights, programs, fleet.notes)


def _most_nodes(fleet: Fleet) -> dict[PoolName, int]:
    most: dict[PoolName, int] = {}
    for moment in fleet.moments:
        for pool, count in moment.nodes.items():
            most[pool] = max(most.get(pool, 0), count)
    return most


def _presence(resolved: ResolvedInstance, pool: PoolName, settings: ScenarioSettings) -> float:
    """Share of its time that a node of a pool is there."""
    return settings.availability * (spot_presence(resolved.offers[pool[2]]) if pool[2] else 1.0)


class _Scene:
    """All scenarios at one moment."""

    def __init__(
        self,
        resolved: ResolvedInstance,
        moment: Moment,
        draws: Draws,
        growth: Floats,
        down: dict[PoolName, Bools],
        inside: Integers,
        fixed: bool,
    ) -> None:
        self.resolved, self.moment, self.inside = resolved, moment, inside
        self.growth = growth[inside]
        gone = {pool: down[pool][inside][:, :count] for pool, count in moment.nodes.items()}
        self.up = {pool: count - gone[pool].sum(axis=1) for pool, count in moment.nodes.items()}
        self.rates = [
            np.array(form.rates) * form.factors(resolved.workloads[form.workload].kind, draws)[inside]
            for form in moment.forms
        ]
        self.left = replicas_left(resolved, moment, gone, len(inside)) if fixed else self._only_choice()
        self.planned = np.array(moment.planned, dtype=np.int64)

    def fill(self, unmet: dict[str, Floats], asked: dict[str, Bools]) -> int:
        """Write what is unmet; returns the number of programs solved."""
        wanted = {name for name, demand in self.moment.demand.items() if any(demand)}
        for name in wanted:
            asked[name][self.inside] = True
        if self.left is not None and all(self._is_simple(name) for name in wanted):
            for name in wanted:
                unmet[name][self.inside] = self._shortage(name, self.left)
            return 0
        todo = np.flatnonzero(~self._suffices(wanted))
        layout = layout_of(self.resolved, self.moment)
        for sample in todo:
            for name, short in self._short(layout, int(sample)).items():
                unmet[name][self.inside[sample]] = short
        return len(todo)

    def _only_choice(self) -> Integers | None:
        """(samples, forms) replicas where nothing is to be decided: every pool runs one form alone, and as much of it
        as finds room is best; None elsewhere."""
        forms = self.moment.forms
        alone = len({form.pool for form in forms}) == len(forms)
        bounded = any(self.resolved.workloads[form.workload].max_replicas is not None for form in forms)
        nodes = [self.resolved.node_types[form.pool[1]] for form in forms]
        if not alone or bounded or any(node.partition_of is not None for node in nodes):
            return None
        there = [self.up.get(form.pool, np.zeros(len(self.inside), dtype=np.int64)) for form in forms]
        counts = [
            up * node.accelerators // form.accelerators for up, node, form in zip(there, nodes, forms, strict=True)
        ]
        return np.stack(counts, axis=1) if counts else np.zeros((len(self.inside), 0), dtype=np.int64)

    def _is_simple(self, name: str) -> bool:
        """Is what a workload gets plain from its replicas, without routing of several classes?"""
        return sum(rate > 0 for rate in self.moment.demand[name]) == 1

    def _shortage(self, name: str, counts: Integers) -> Floats:
        """(samples,) share that so many replicas leave unmet, of a workload with one class or a run."""
        forms = [k for k, form in enumerate(self.moment.forms) if form.workload == name]
        demand = self.moment.demand[name]
        met = np.zeros(len(self.inside))
        if isinstance(self.resolved.workloads[name], Training):
            for k in forms:
                met = np.maximum(met, np.where(counts[:, k] > 0, np.minimum(self.rates[k][:, 0], 1.0), 0.0))
        else:
            (asked,) = (c for c, rate in enumerate(demand) if rate)
            for k in forms:
                met = met + counts[:, k] * self.rates[k][:, asked]
            wanted = demand[asked] * self.growth
            met = np.divide(met, wanted, out=np.ones_like(wanted), where=wanted > 0)
        return np.where(1.0 - met <= MET, 0.0, 1.0 - met)

    def _short(self, layout: Layout, sample: int) -> dict[str, float]:
        """Share of each workload that is unmet in one scenario."""
        rates = [rate[sample] for rate in self.rates]
        up = None if self.left is not None else {pool: int(count[sample]) for pool, count in self.up.items()}
        fixed = None if self.left is None else [int(count) for count in self.left[sample]]
        shares = served(self.resolved, layout, rates, float(self.growth[sample]), up, fixed)
        short = {}
        for name, demand in self.moment.demand.items():
            total = sum(demand)
            if total:
                met = sum(rate * shares.get((name, c), 0.0) for c, rate in enumerate(demand)) / total
                short[name] = 0.0 if 1.0 - met <= MET else 1.0 - met
        return short

    def _suffices(self, wanted: set[str]) -> Bools:
        """(samples,) does what the plan runs at this moment serve everything, routed as it says?"""
        counts = (
            np.broadcast_to(self.planned, (len(self.inside), len(self.planned))) if self.left is None else self.left
        )
        fine = self._packs() if self.left is None else np.ones(len(self.inside), dtype=np.bool_)
        for name in wanted:
            fine = fine & self._carries(name, counts)
        return fine

    def _packs(self) -> Bools:
        """(samples,) do all planned replicas find room on the nodes that are up?"""
        need: dict[PoolName, dict[str, int]] = {}
        for form, count in zip(self.moment.forms, self.planned, strict=True):
            node = self.resolved.node_types[form.pool[1]]
            kinds = need.setdefault((form.pool[0], node.partition_of or node.name, form.pool[2]), {})
            kinds[node.name] = kinds.get(node.name, 0) + form.accelerators * int(count)
        fine = np.ones(len(self.inside), dtype=np.bool_)
        for pool, kinds in need.items():
            nodes = sum(-(-used // self.resolved.node_types[kind].accelerators) for kind, used in kinds.items())
            fine &= self.up.get(pool, np.zeros(len(self.inside))) >= nodes
        return fine

    def _carries(self, name: str, counts: Integers) -> Bools:
        """(samples,) do so many replicas carry a workload, by the plan's routes or, without any, by capacity?"""
        forms = [k for k, form in enumerate(self.moment.forms) if form.workload == name]
        demand = self.moment.demand[name]
        if isinstance(self.resolved.workloads[name], Training):
            done = [(counts[:, k] > 0) & (self.rates[k][:, 0] >= 1.0 - MET) for k in forms]
            return np.any(done, axis=0) if done else np.zeros(len(self.inside), dtype=np.bool_)
        asked = [c for c, rate in enumerate(demand) if rate]
        if len(asked) == 1:
            able = sum((counts[:, k] * self.rates[k][:, asked[0]] for k in forms), np.zeros(len(self.inside)))
            return np.asarray(able >= demand[asked[0]] * self.growth * (1.0 - MET))
        return self._as_routed(name, forms, asked, counts)

    def _as_routed(self, name: str, forms: list[int], asked: list[int], counts: Integers) -> Bools:
        demand = self.moment.demand[name]
        groups = [group.name for group in self.resolved.workloads[name].classes]  # type: ignore[union-attr]
        fine, routed = np.ones(len(self.inside), dtype=np.bool_), np.zeros(len(groups))
        for k in forms:
            load = np.zeros(len(self.inside))
            for c in asked:
                share = self.moment.routes.get((k, groups[c]), 0.0)
                routed[c] += share
                if share:
                    rate = np.where(self.rates[k][:, c] > 0, self.rates[k][:, c], np.nan)
                    load = load + share * demand[c] * self.growth / rate
            fine &= load <= counts[:, k] * (1.0 + MET)
        return fine & bool(all(routed[c] >= 1.0 - MET for c in asked))
