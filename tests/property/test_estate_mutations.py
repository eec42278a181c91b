"""Plans of whole estates with one random thing changed: the verifier finds it, or it is provably harmless.

Harmless is one thing alone: fleet, measures, money and routes are as before, and a deployment has other replicas or
runs at another time, where (a) it carries no request, or is a training run that still gets done, and (b) what runs fits
on the accelerators that are there, in every period of every stage. Both are counted here.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from random_estates import SIZES, random_estate
from seeds import HALF, part, sample

from builders import resolved
from gpufleet import solve, verify
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.schema.plan import Deployment, Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance

    Mutation = Callable[[Random, ResolvedInstance, Plan], Plan | None]


def changed(plan: Plan, part: str, position: int, **fields: Any) -> Plan:
    rows = list(getattr(plan, part))
    rows[position] = rows[position].model_copy(update=fields)
    return plan.model_copy(update={part: tuple(rows)})


def any_of(dice: Random, rows: Any) -> int | None:
    return dice.randrange(len(rows)) if rows else None


def another(dice: Random, names: list[Any], than: Any) -> Any:
    left = [name for name in names if name != than]
    return dice.choice(left) if left else than


# ------------------------------------------------------------------------------------------------- mutations


def node_count(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan:
    n = dice.randrange(len(plan.nodes))
    count = plan.nodes[n].count + dice.choice((-1, 1, 2))
    return changed(plan, "nodes", n, count=count)


def node_count_with_its_bill(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan:
    """A node fewer, all figures of money adjusted: what must be found is that it was needed."""
    n = dice.randrange(len(plan.nodes))
    nodes = plan.nodes[n]
    fewer = changed(plan, "nodes", n, count=nodes.count - 1, total_cost_usd=None)
    assert plan.certificate is not None
    unknown = plan.certificate.model_copy(update={"objective_usd": None, "bound_usd": None, "gap": None})
    return fewer.model_copy(update={"costs": (), "cash_flow": (), "certificate": unknown, "status": None})


def node_times(dice: Random, asked: ResolvedInstance, plan: Plan) -> Plan | None:
    n = dice.randrange(len(plan.nodes))
    field = dice.choice(("period", "first_stage", "last_stage"))
    kind = asked.instance.periods if field == "period" else asked.instance.stages
    names = [None, *(entry.name for entry in kind)]
    said = getattr(plan.nodes[n], field)
    return changed(plan, "nodes", n, **{field: another(dice, names, said)}) if kind else None


def node_offer(dice: Random, asked: ResolvedInstance, plan: Plan) -> Plan:
    n = dice.randrange(len(plan.nodes))
    return changed(plan, "nodes", n, offer=another(dice, sorted(asked.offers), plan.nodes[n].offer))


def replicas(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan:
    d = dice.randrange(len(plan.deployments))
    return changed(plan, "deployments", d, replicas=max(0, plan.deployments[d].replicas + dice.choice((-1, 1))))


def deployment_left_out(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan:
    """With its routes; the others are numbered anew."""
    d = dice.randrange(len(plan.deployments))

    def anew(routes: Any) -> tuple[Any, ...]:
        kept = (route for route in routes if route.deployment != d)
        return tuple(r.model_copy(update={"deployment": r.deployment - (r.deployment > d)}) for r in kept)

    fallbacks = tuple(entry.model_copy(update={"routing": anew(entry.routing)}) for entry in plan.fallback_routing)
    left = plan.deployments[:d] + plan.deployments[d + 1 :]
    return plan.model_copy(update={"deployments": left, "routing": anew(plan.routing), "fallback_routing": fallbacks})


def deployment_times(dice: Random, asked: ResolvedInstance, plan: Plan) -> Plan | None:
    d, field = dice.randrange(len(plan.deployments)), dice.choice(("period", "stage"))
    kind = asked.instance.periods if field == "period" else asked.instance.stages
    said = getattr(plan.deployments[d], field)
    return changed(plan, "deployments", d, **{field: another(dice, [k.name for k in kind], said)}) if kind else None


def deployment_pool(dice: Random, asked: ResolvedInstance, plan: Plan) -> Plan | None:
    """On spot nodes instead of steady ones, or the other way round."""
    d = dice.randrange(len(plan.deployments))
    entry = plan.deployments[d]
    spots = [o.name for o in asked.offers.values() if o.term == "spot" and o.node_type == entry.node_type]
    return changed(plan, "deployments", d, spot=another(dice, [None, *spots], entry.spot)) if spots else None


def deployment_measures(dice: Random, asked: ResolvedInstance, plan: Plan) -> Plan | None:
    d = dice.randrange(len(plan.deployments))
    names = [(), *((measure.name,) for measure in asked.instance.measures)]
    return changed(plan, "deployments", d, measures=another(dice, names, plan.deployments[d].measures))


def measure_taken(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan | None:
    m = any_of(dice, plan.measures)
    return None if m is None else changed(plan, "measures", m, taken=not plan.measures[m].taken)


def route(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan | None:
    """Less than all, or to another deployment that has something to carry.

    A route to one that runs when nobody asks says nothing, and what it left is then routed by capacity.
    """
    r = any_of(dice, plan.routing)
    if r is None:
        return None
    if dice.random() < 0.5:
        return changed(plan, "routing", r, share=plan.routing[r].share * dice.choice((0.0, 0.5, 0.99)))
    busy = [d for d, entry in enumerate(plan.deployments) if entry.utilisation]
    return changed(plan, "routing", r, deployment=another(dice, busy, plan.routing[r].deployment))


def cost_line(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan:
    c, line = (n := dice.randrange(len(plan.costs))), plan.costs[n]
    how = dice.randrange(4)
    if how == 0:
        return plan.model_copy(update={"costs": (*plan.costs, line)})
    if how == 1:
        return changed(plan, "costs", c, unit_usd=line.unit_usd + 1e-6)
    if how == 2:
        return changed(plan, "costs", c, total_usd=line.total_usd - 1e-6)
    return changed(plan, "costs", c, quantity=line.quantity + 1)


def cash_flow(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan:
    f, flow = (n := dice.randrange(len(plan.cash_flow))), plan.cash_flow[n]
    how = dice.randrange(3)
    if how == 0:
        return plan.model_copy(update={"cash_flow": (*plan.cash_flow, flow)})
    return changed(plan, "cash_flow", f, **({"usd": flow.usd + 1e-6} if how == 1 else {"year": flow.year + 1}))


def fallback(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan | None:
    f = any_of(dice, plan.fallback_routing)
    if f is None:
        return None
    routing = plan.fallback_routing[f].routing
    r = dice.randrange(len(routing))
    less = (*routing[:r], routing[r].model_copy(update={"share": routing[r].share * 0.9}), *routing[r + 1 :])
    return changed(plan, "fallback_routing", f, routing=less)


def charge(dice: Random, _: ResolvedInstance, plan: Plan) -> Plan | None:
    c = any_of(dice, plan.charges)
    return None if c is None else changed(plan, "charges", c, charge_usd=plan.charges[c].charge_usd - 1e-6)


MUTATIONS: tuple[Mutation, ...] = (
    node_count,
    node_count_with_its_bill,
    node_times,
    node_offer,
    replicas,
    deployment_left_out,
    deployment_times,
    deployment_pool,
    deployment_measures,
    measure_taken,
    route,
    cost_line,
    cash_flow,
    fallback,
    charge,
)


# -------------------------------------------------------------------------------------------------- harmless


def is_harmless(asked: ResolvedInstance, plan: Plan, mutant: Plan) -> bool:
    parts = ("nodes", "measures", "routing", "fallback_routing", "charges", "costs", "cash_flow", "certificate")
    if any(getattr(plan, part) != getattr(mutant, part) for part in parts):
        return False
    differs = [(a, b) for a, b in zip(plan.deployments, mutant.deployments, strict=False) if a != b]
    if len(plan.deployments) != len(mutant.deployments) or len(differs) != 1:
        return False
    before, after = differs[0]
    same = {"replicas", "period", "stage"}
    if before.model_dump(exclude=same) != after.model_dump(exclude=same):
        return False
    work = asked.workloads[after.workload]
    done = _gets_done(asked, work, mutant) if isinstance(work, Training) else not before.utilisation
    return done and all(_fits(asked, mutant, stage, period) for stage, period in _times(asked))


def _times(asked: ResolvedInstance) -> Iterator[tuple[int, str | None]]:
    for stage in range(len(asked.instance.stages) or 1):
        for period in [p.name for p in asked.instance.periods] or [None]:
            yield stage, period


def _stage_name(asked: ResolvedInstance, stage: int) -> str | None:
    return asked.instance.stages[stage].name if asked.instance.stages else None


def _gets_done(asked: ResolvedInstance, work: Training, plan: Plan) -> bool:
    """In every stage: one replica or more without periods, else the hours of one replica at a time are enough."""
    for stage in range(len(asked.instance.stages) or 1):
        name = _stage_name(asked, stage)
        mine = [d for d in plan.deployments if d.workload == work.name and d.stage == name and d.replicas]
        if not asked.instance.periods:
            done = float(bool(mine))
        else:
            if any(d.replicas > 1 for d in mine) or len({d.period for d in mine}) < len(mine):
                return False
            done = sum(
                float(p.hours / float(asked.instance.hours)) * work.deadline_days / (d.training_days or 1e9)
                for d in mine
                for p in asked.instance.periods
                if p.name == d.period
            )
        if done < 1 - 1e-9:
            return False
    return True


def _fits(asked: ResolvedInstance, plan: Plan, stage: int, period: str | None) -> bool:
    room: Counter[tuple[str, str, str | None]] = Counter()
    for nodes in plan.nodes:
        if _is_there(asked, nodes, stage, period):
            taken = asked.offers[nodes.offer]
            spot = taken.name if taken.term == "spot" else None
            room[taken.site, taken.node_type, spot] += nodes.count * SIZES[taken.node_type]
    for entry in plan.deployments:
        if _runs(asked, entry, stage, period):
            room[entry.site, entry.node_type, entry.spot] -= entry.replicas * entry.parallelism.accelerators
    return min(room.values(), default=0) >= 0


def _is_there(asked: ResolvedInstance, nodes: PlannedNodes, stage: int, period: str | None) -> bool:
    names = [entry.name for entry in asked.instance.stages]
    inside = not names or names.index(nodes.first_stage or "") <= stage <= names.index(nodes.last_stage or "")
    return inside and nodes.period in (None, period)


def _runs(asked: ResolvedInstance, entry: Deployment, stage: int, period: str | None) -> bool:
    return entry.stage == _stage_name(asked, stage) and entry.period == period


# ----------------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize("chunk", range(3))
def test_a_mutated_plan_is_found_out_or_harmless(chunk: int) -> None:
    found: Counter[str] = Counter()
    for seed in sample(range(chunk * 12, (chunk + 1) * 12), HALF):
        asked = resolved(random_estate(Random(seed)))
        plan = solve(asked)
        if plan.status != "optimal":
            continue
        for mutate in MUTATIONS:
            for attempt in range(3):
                mutant = mutate(Random(1000 * seed + attempt), asked, plan)
                if mutant is None or mutant == plan:
                    continue
                ok = verify(asked, mutant).ok
                what = f"seed {seed}, attempt {attempt}: {mutate.__name__}"  # type: ignore[attr-defined]
                assert not ok or is_harmless(asked, plan, mutant), what
                found[mutate.__name__] += not ok  # type: ignore[attr-defined]
    rare = {"fallback", "charge", "measure_taken", "deployment_measures", "deployment_pool"}
    few = {name: found[name] for m in MUTATIONS if (name := m.__name__) not in rare and found[name] < part(10, HALF)}  # type: ignore[attr-defined]
    assert few == {}
    assert sum(found[name] for name in rare) >= part(10, HALF)
