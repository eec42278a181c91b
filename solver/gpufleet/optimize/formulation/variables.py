"""The variables of the fleet model, by the names of the mathematics.

y_f       nodes taken on offer f
n_wk      replicas of option k of workload w
b_j       whether an order (offer, start, tier) with a minimum is placed
u_m       whether node type m is in the fleet, when their number is limited
z_m       whether measure m is taken
q_pt      nodes that run as the partition of pool p in period t
x_wck     share units of class c of workload w served by option k (routed workloads only)
e_wsck    the same when site s is lost, over the options elsewhere (routed workloads that must survive it)
r_p'th    nodes that run as partition p' after failures, for workloads that ask for h spare nodes or more
s_rkt     whether run r starts with option k in period t (where a start loses something)
d_wc      share units of class c of workload w that stay unserved; 1 for a run that is not done
u_w       whether a workload with minimum replicas is served at all, where that is left open
added_o   nodes of offer o that are set up, dropped_o those that are given up (where there is a fleet of today)
taken_wp  accelerators that workload w takes in pool p beyond those of today
f_s       whether scenario s is violated
v_wk      whether a workload runs option k in any period of a stage, so that it can run it in a scenario too
n^s_wk    replicas in scenario s, q^s_p' nodes that run as a partition then, x^s_wck share units
h_ptj     whether pool p has more than j nodes in period t, where node j is down in some scenario
g_pth     whether a workload that asks for h spare nodes or more uses pool p in period t
h_i       whether a node of part i is taken, where fleets are told apart by their parts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.interruption import look
from gpufleet.optimize.formulation.scenario_variables import scenario_variables
from gpufleet.problem.scaling import SHARE_UNITS

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.scenario_variables import ScenarioVariables
    from gpufleet.problem.data import OptionData, Problem


@dataclass(frozen=True)
class FleetVariables:
    """Variable indices by what they mean."""

    nodes: tuple[int, ...]
    """y_f, by offer tier."""
    orders: dict[tuple[str, int, int], int]
    """b_j: (offer, order, tier) to variable, for tiers with a minimum."""
    node_types: dict[str, int]
    """u_m: node type to variable; empty when their number is not limited."""
    measures: tuple[int, ...]
    """z_m, by measure."""
    replicas: tuple[tuple[int, ...], ...]
    """n_wk, by workload and option."""
    starts: tuple[dict[int, int], ...]
    """s_rkt: by workload (a run's part in a period), option to variable."""
    partitions: dict[tuple[int, int], int]
    """q_pt: (pool of a partition, period) to variable, where some option can use it."""
    shares: tuple[tuple[dict[int, int], ...], ...]
    """x_wck: by workload and option, class position to variable; empty where nothing is routed."""
    fallbacks: tuple[dict[str, tuple[dict[int, int], ...]], ...]
    """e_wsck: by workload and lost site, as `shares`; options at the lost site have none. Empty where not asked for."""
    unserved: tuple[dict[int, int], ...]
    """d_wc: by workload, class position to variable; the parts of a run have one in common. Empty where all must be
    served."""
    served_at_all: dict[str, int]
    """u_w: workload with minimum replicas to variable."""
    protected: dict[tuple[int, int, int], int]
    """g_pth: (pool, period, spare nodes) to variable."""
    saved: dict[tuple[int, int, int], int]
    """r_p'th: (partition pool, period, spare nodes) to variable."""
    parts: tuple[int, ...]
    """h_i, by part; empty where no other fleet is known."""
    added: tuple[int, ...] = ()
    """added_o, by node group of the problem's moves."""
    dropped: tuple[int, ...] = ()
    """dropped_o, likewise."""
    taken: tuple[int, ...] = ()
    """taken_wp, by use group."""
    robust: ScenarioVariables | None = None
    """Those of scenarios; None where there are none."""


def add_variables(model: LinearModel, problem: Problem) -> FleetVariables:
    """Create every variable, in a fixed order."""
    nodes = tuple(model.add_variable(f"y_{f}", 0, offer.most) for f, offer in enumerate(problem.offers))
    orders: dict[tuple[str, int, int], int] = {}
    for f, offer in enumerate(problem.offers):
        key = (offer.name, offer.order, offer.tier)
        if offer.least and key not in orders:
            orders[key] = model.add_variable(f"b_{f}", 0, 1)
    bought = {pool.node_type for pool in problem.pools if pool.partition_of is None}
    types = sorted(bought) if problem.max_node_types is not None else []
    node_types = {name: model.add_variable(f"u_{m}", 0, 1) for m, name in enumerate(types)}
    measures = tuple(model.add_variable(f"z_{m}", 0, 1) for m in range(len(problem.measures)))
    groups = _groups(problem)
    replicas = tuple(
        tuple(
            model.add_variable(f"n_{w}_{k}", 0, option.most, group=groups[w])
            for k, option in enumerate(workload.options)
        )
        for w, workload in enumerate(problem.workloads)
    )
    starts = tuple(
        {
            k: model.add_variable(f"s_{w}_{k}", 0, 1, group=groups[w])
            for k, option in enumerate(workload.options)
            if option.restart
        }
        for w, workload in enumerate(problem.workloads)
    )
    partitions = {
        (p, t): model.add_variable(f"q_{p}_{t}", 0, most) for (p, t), most in _most_partitioned(problem).items()
    }
    shares = tuple(
        tuple(_shares(model, f"x_{w}", k, option, groups[w]) for k, option in enumerate(workload.options))
        for w, workload in enumerate(problem.workloads)
    )
    fallbacks = tuple(_fallbacks(model, problem, w) for w in range(len(problem.workloads)))
    unserved = _unserved(model, problem)
    least = dict.fromkeys(w.name for w in problem.workloads if w.unserved_units is not None and w.min_replicas)
    served = {name: model.add_variable(f"u_w_{number}", 0, 1) for number, name in enumerate(least)}
    levels = sorted({(node_pool(problem, p), t, level) for p, t, level in _usable(problem)})
    protected = {(p, t, level): model.add_variable(f"g_{p}_{t}_{level}", 0, 1) for p, t, level in levels}
    saved = _saved(model, problem, levels, partitions)
    asked = problem.signatures
    told_apart = range(len(asked.parts)) if asked is not None and asked.found else ()
    parts = tuple(model.add_variable(f"h_{i}", 0, 1) for i in told_apart)
    added, dropped, taken = _moves(model, problem)
    return FleetVariables(
        nodes=nodes,
        orders=orders,
        node_types=node_types,
        measures=measures,
        replicas=replicas,
        starts=starts,
        partitions=partitions,
        shares=shares,
        fallbacks=fallbacks,
        unserved=unserved,
        served_at_all=served,
        protected=protected,
        saved=saved,
        parts=parts,
        added=added,
        dropped=dropped,
        taken=taken,
        robust=None if problem.robust is None else scenario_variables(model, problem, problem.robust),
    )


def node_pool(problem: Problem, pool: int) -> int:
    """The pool whose nodes a pool is about: itself, or the one that it is a partition of."""
    base = problem.pools[pool].partition_of
    return pool if base is None else base


def _groups(problem: Problem) -> list[int]:
    """By workload part: what `Variable.group` says."""
    first: dict[str, int] = {}
    return [w if part.run is None else first.setdefault(part.run, w) for w, part in enumerate(problem.workloads)]


def _shares(model: LinearModel, name: str, k: int, option: OptionData, group: int) -> dict[int, int]:
    """One share per class that the option can serve."""
    look()
    return {
        c: model.add_variable(f"{name}_{c}_{k}", 0, SHARE_UNITS, "share", group)
        for c, load in enumerate(option.loads)
        if load is not None
    }


def _fallbacks(model: LinearModel, problem: Problem, w: int) -> dict[str, tuple[dict[int, int], ...]]:
    """Shares of a routed workload over the options elsewhere, for the loss of each site where it has options."""
    workload = problem.workloads[w]
    if not (workload.routed and workload.survives_site_loss):
        return {}
    sites = [problem.pools[option.pool].site for option in workload.options]
    return {
        lost: tuple(
            {} if site == lost else _shares(model, f"e_{w}_{s}", k, option, w)
            for k, (site, option) in enumerate(zip(sites, workload.options, strict=True))
        )
        for s, lost in enumerate(sorted(set(sites)))
    }


def _unserved(model: LinearModel, problem: Problem) -> tuple[dict[int, int], ...]:
    """Counts, not shares, for every back end: they are what the service levels minimise."""
    runs: dict[str, dict[int, int]] = {}
    rows: list[dict[int, int]] = []
    for w, workload in enumerate(problem.workloads):
        units = workload.unserved_units
        if units is None:
            rows.append({})
        elif workload.run is not None:
            if workload.run not in runs:
                runs[workload.run] = {0: model.add_variable(f"d_{w}_0", 0, units, group=w)}
            rows.append(runs[workload.run])
        else:
            rows.append({c: model.add_variable(f"d_{w}_{c}", 0, units, group=w) for c in range(len(workload.classes))})
    return tuple(rows)


def _saved(
    model: LinearModel,
    problem: Problem,
    levels: list[tuple[int, int, int]],
    partitions: dict[tuple[int, int], int],
) -> dict[tuple[int, int, int], int]:
    """Nodes that would run as a partition after failures, where protected workloads can use it."""
    most_spare: dict[tuple[int, int], int] = {}
    for pool, period, spare in _usable(problem):
        most_spare[pool, period] = max(most_spare.get((pool, period), 0), spare)
    saved = {}
    for base, t, level in levels:
        for p in range(len(problem.pools)):
            if problem.pools[p].partition_of == base and most_spare.get((p, t), 0) >= level:
                most = model.variables[partitions[p, t]].upper
                saved[p, t, level] = model.add_variable(f"r_{p}_{t}_{level}", 0, most)
    return saved


def _moves(model: LinearModel, problem: Problem) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Nodes set up and given up by offer, and accelerators taken by workload and pool."""
    if problem.moves is None:
        return (), (), ()
    added, dropped, taken = [], [], []
    for g, group in enumerate(problem.moves.nodes if problem.moves.per_node else ()):
        most = sum(problem.offers[f].most for f in group.offers)
        added.append(model.add_variable(f"added_{g}", 0, most))
        dropped.append(model.add_variable(f"dropped_{g}", 0, group.before))
    for g, use in enumerate(problem.moves.uses if problem.moves.per_accelerator else ()):
        options = [[problem.workloads[w].options[k] for w, k in part] for part in use.parts]
        most = max(sum(option.accelerators * option.most for option in part) for part in options)
        taken.append(model.add_variable(f"taken_{g}", 0, most))
    return tuple(added), tuple(dropped), tuple(taken)


def _usable(problem: Problem) -> set[tuple[int, int, int]]:
    """(pool, period, spare nodes asked for) of every pool that protected workloads can use, partitions included."""
    return {
        (option.pool, workload.period, workload.spare_nodes)
        for workload in problem.workloads
        if workload.spare_nodes
        for option in workload.options
    }


def _most_partitioned(problem: Problem) -> dict[tuple[int, int], int]:
    """Most nodes that can run as each partition in each period: enough for all its options, and not more than exist."""
    used: dict[tuple[int, int], int] = {}
    for workload in problem.workloads:
        for option in workload.options:
            if problem.pools[option.pool].partition_of is not None:
                key = (option.pool, workload.period)
                used[key] = used.get(key, 0) + option.accelerators * option.most
    there = [0] * len(problem.pools)
    for offer in problem.offers:
        there[offer.pool] += offer.most
    most = {}
    for (p, t), count in sorted(used.items()):
        pool = problem.pools[p]
        assert pool.partition_of is not None
        most[p, t] = min(-(-count // pool.accelerators_per_node), there[pool.partition_of])
    return most
