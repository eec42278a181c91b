"""What each variable of the integer program stands for, in the words of the instance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from gpufleet.problem.scaling import SHARE_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

SHARE = f"1/{SHARE_UNITS:,} of the class's requests"


NAMED = (
    *("workload", "offer", "request_class", "measure", "site", "node_type", "model", "option"),
    *("parallelism", "batch", "spot", "lost_site", "period", "stage"),
)
"""Fields that go into a variable's name, the most important first."""


@dataclass(frozen=True)
class Meaning:
    """One variable; a field that does not apply is empty."""

    kind: str
    """In a word: `nodes`, `replicas`, `share`, ..."""
    counts: str
    """What its value counts."""
    offer: str = ""
    workload: str = ""
    request_class: str = ""
    site: str = ""
    node_type: str = ""
    model: str = ""
    option: str = ""
    """Variant of the model card, or option of a profiled workload."""
    parallelism: str = ""
    batch: str = ""
    spot: str = ""
    """The spot offer whose nodes it takes."""
    measure: str = ""
    lost_site: str = ""
    period: str = ""
    stage: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """What goes into a name."""
        found = {name: getattr(self, name) for name in NAMED}
        found["batch"] = f"b{self.batch}" if self.batch else ""
        found["lost_site"] = f"without.{self.lost_site}" if self.lost_site else ""
        return (self.kind, *(value for value in found.values() if value))


MEANING_FIELDS = tuple(field.name for field in fields(Meaning))


def meanings(
    problem: Problem, candidates: Candidates, model: LinearModel, variables: FleetVariables
) -> tuple[Meaning, ...]:
    """By variable, in the order of the model."""
    found = dict(_found(problem, candidates, variables))
    return tuple(
        found.get(variable.index, Meaning("auxiliary", "see docs/formulation.md")) for variable in model.variables
    )


def _found(problem: Problem, candidates: Candidates, variables: FleetVariables) -> Iterator[tuple[int, Meaning]]:
    yield from _nodes(problem, variables)
    yield from _fleet(problem, variables)
    yield from _moves(problem, variables)
    for w, data in enumerate(problem.workloads):
        time = _time(problem, data.period)
        for k in range(len(data.options)):
            form = {**_form(problem, candidates, w, k), **time}
            yield variables.replicas[w][k], Meaning("replicas", "replicas", workload=data.name, **form)
            if k in variables.starts[w]:
                yield variables.starts[w][k], Meaning("start", "1 = the run starts here", workload=data.name, **form)
            for c, x in variables.shares[w][k].items():
                yield x, Meaning("share", SHARE, workload=data.name, request_class=data.classes[c], **form)
            for lost, shares in variables.fallbacks[w].items():
                for c, e in shares[k].items():
                    words = {"workload": data.name, "request_class": data.classes[c], "lost_site": lost}
                    yield e, Meaning("fallback_share", SHARE, **words, **form)
        for c, d in variables.unserved[w].items():
            units = data.unserved_units
            counts = "1 = not done" if units == 1 else f"1/{units:,} of the class's requests, unserved"
            name = data.classes[c] if c < len(data.classes) else ""
            yield d, Meaning("unserved", counts, workload=data.name, request_class=name, **time)
    for name, u in variables.served_at_all.items():
        yield u, Meaning("served", "1 = served at all", workload=name)


def _nodes(problem: Problem, variables: FleetVariables) -> Iterator[tuple[int, Meaning]]:
    """Nodes by offer, contract and price tier."""
    for y, offer in zip(variables.nodes, problem.offers, strict=True):
        pool, when = problem.pools[offer.pool], {}
        if offer.contract is not None:
            stage = next((t.stage_name for t in problem.periods if t.stage == offer.contract.first), None)
            period = None if offer.contract.period is None else problem.periods[offer.contract.period].name
            when = {"period": period or "", "stage": f"from.{stage}" if stage else ""}
        yield y, Meaning("nodes", "nodes", offer=offer.name, site=pool.site, node_type=pool.node_type, **when)


def _fleet(problem: Problem, variables: FleetVariables) -> Iterator[tuple[int, Meaning]]:
    """Orders, node types, measures, partitions and spare nodes."""
    for (name, _, _), b in variables.orders.items():
        yield b, Meaning("order", "1 = ordered at this price tier", offer=name)
    for name, u in variables.node_types.items():
        yield u, Meaning("node_type", "1 = in the fleet", node_type=name)
    for z, measure in zip(variables.measures, problem.measures, strict=True):
        yield z, Meaning("measure", "1 = taken", measure=measure.name)
    for (p, t), q in variables.partitions.items():
        yield q, Meaning("partitioned", "nodes that run as this partition", **_pool(problem, p), **_time(problem, t))
    for (p, t, level), g in variables.protected.items():
        counts = f"1 = used by what asks for {level} spare nodes or more"
        yield g, Meaning("protected", counts, **_pool(problem, p), **_time(problem, t))
    for (p, t, level), r in variables.saved.items():
        counts = f"nodes that run as this partition after {level} failures"
        yield r, Meaning("partitioned_after_failure", counts, **_pool(problem, p), **_time(problem, t))


def _moves(problem: Problem, variables: FleetVariables) -> Iterator[tuple[int, Meaning]]:
    """What changes of the fleet of today."""
    moves = problem.moves
    for indices, kind, counts in (
        (variables.added, "added", "nodes set up beside those of today"),
        (variables.dropped, "dropped", "nodes of today given up"),
    ):
        for index, group in zip(indices, moves.nodes if moves is not None else (), strict=False):
            yield index, Meaning(kind, counts, offer=group.name)
    for index, use in zip(variables.taken, moves.uses if moves is not None else (), strict=False):
        counts = "accelerators beyond those of today"
        yield index, Meaning("taken", counts, workload=use.workload, **_pool(problem, use.pool))


def _pool(problem: Problem, p: int) -> dict[str, str]:
    pool = problem.pools[p]
    return {"site": pool.site, "node_type": pool.node_type, "spot": pool.spot or ""}


def _time(problem: Problem, t: int) -> dict[str, str]:
    now = problem.periods[t]
    return {"period": now.name or "", "stage": now.stage_name or ""}


def _form(problem: Problem, candidates: Candidates, w: int, k: int) -> dict[str, str]:
    """Where and how a replica of an option runs."""
    data = problem.workloads[w]
    option = candidates.options[data.name][data.options[k].key]
    return {
        "site": option.site,
        "node_type": option.node_type,
        "model": option.model or "",
        "option": option.variant or option.profile or "",
        "parallelism": option.parallelism.label,
        "batch": str(option.batch),
        "spot": option.spot or "",
    }
