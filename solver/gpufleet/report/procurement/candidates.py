"""What was ruled out: the funnel of every workload, the nearest misses, and node types that were not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.explain.nearest import all_nearest_misses, miss_factor
from gpufleet.report.format import figure
from gpufleet.report.procurement.content import Bars, Block, Chart, Column, Paragraph, Section, Table, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.elimination import FunnelStep, Rejected

MEANINGS = {
    "memory": "does not fit into the accelerators' memory",
    "precision": "the accelerator cannot compute in this precision",
    "replica_size": "a replica does not fit the nodes, or the workload's limits on it",
    "measured": "was not measured, where measurements are asked for",
    "deadline": "trains too slowly for the deadline",
    "latency": "is too slow for a latency limit, even without load",
    "throughput": "reaches no rate that counts",
    "software": "the software does not run on the accelerator",
    "method": "the variant's method does not fit the work",
    "measure": "needs a measure that is not on offer here",
    "spot": "may not run on nodes that can be interrupted",
    "privacy": "the site may not hold the data",
    "accuracy": "misses the accuracy floor",
    "allowed_precision": "the workload does not allow this precision",
    "allowed_accelerator": "the workload does not allow this accelerator",
    "allowed_parallelism": "the workload does not allow this parallelism",
    "stock": "there are not enough nodes on offer",
    "dominated": "another option on the same nodes is at least as good in everything",
    "kept": "left for the integer program to choose from",
}
"""What each rule says of a candidate that it eliminates."""
MOST_PANELS = 3
"""Workloads that have a chart each; more are drawn together."""


def candidates(material: Material) -> Section:
    """The section."""
    return Section("candidates", "Candidates: what was ruled out, and why", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    funnel = material.plan.funnel
    if not funnel:
        yield Paragraph("The plan file says nothing about candidates.")
        return
    yield Paragraph(
        "A candidate is a numeric form of a model with a parallelism and a batch on the nodes of one site. Each rule "
        "removes those that cannot be used; the integer program chooses among the rest."
    )
    yield from _charts(material)
    yield funnel_table(material)
    if rows := miss_rows(material):
        yield misses_table(rows)
    if material.plan.rejections:
        yield pools_table(material)


def _charts(material: Material) -> Iterator[Chart]:
    names = list(dict.fromkeys(step.workload for step in material.plan.funnel))
    if len(names) <= MOST_PANELS:
        for name in names:
            steps = [step for step in material.plan.funnel if step.workload == name]
            if len(levels := _levels(steps)) > 1:
                yield _chart(f"Candidates for {name}", levels)
        return
    together: dict[str, int] = {}
    for step in material.plan.funnel:
        together[step.rule] = together.get(step.rule, 0) + step.eliminated
    left = sum(step.before for step in material.plan.funnel if step.rule == "kept")
    start = left + sum(together.values())
    rows = tuple((_named(rule), float(count), f"{count:,}") for rule, count in together.items() if count)
    if not rows:
        return
    title = f"Candidates of all {len(names)} workloads that each rule eliminated"
    words = f"Of {start:,} candidates, {left:,} are left to choose from."
    yield Chart(title, words, Bars(rows, "candidates eliminated"))


def _levels(steps: list[FunnelStep]) -> list[tuple[str, int, int]]:
    """(label, candidates left, eliminated) per rule, from all of them on."""
    levels = [("all candidates", steps[0].before, 0)]
    levels += [
        (f"after {_named(step.rule)}", step.before - step.eliminated, step.eliminated)
        for step in steps
        if step.rule != "kept"
    ]
    return levels


def _chart(title: str, levels: list[tuple[str, int, int]]) -> Chart:
    rows = tuple((label, float(left), f"{left:,}{f' (−{out:,})' if out else ''}") for label, left, out in levels)
    words = f"Of {levels[0][1]:,} candidates, {levels[-1][1]:,} are left to choose from."
    return Chart(title, words, Bars(rows, "candidates left"))


def _named(rule: str) -> str:
    return rule.replace("_", " ")


def funnel_table(material: Material) -> Table:
    """Every step of every funnel with its numbers."""
    columns = (Column("Workload"), Column("Rule"), Column("Candidates", "count"), Column("Eliminated", "count"),
               Column("Left", "count"), Column("What it means"))  # fmt: skip
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (s.workload, _named(s.rule), s.before, s.eliminated, s.before - s.eliminated, MEANINGS.get(s.rule, ""))
        for s in material.plan.funnel
    )
    return Table("What each rule eliminated", columns, rows)


def miss_rows(material: Material) -> list[Rejected]:
    """Per workload and rule the candidate that came nearest, by workload and then by distance."""
    found = all_nearest_misses(material.plan)
    names = dict.fromkeys(step.workload for step in material.plan.funnel)
    return [row for name in names for row in sorted(found.get(name, {}).values(), key=miss_factor)]


def misses_table(rows: list[Rejected]) -> Table:
    """Rejections that were nearest to passing."""
    columns = (
        Column("Workload"),
        Column("Rule"),
        Column("Candidate"),
        Column("Nodes"),
        Column("Has"),
        Column("Limit"),
        Column("Unit"),
        Column("Off by", "share"),
    )
    cells = tuple(
        (
            row.workload,
            _named(row.rule),
            f"{row.variant}, {row.nearest}",
            f"{row.node_type} at {row.site}",
            figure(row.actual),
            figure(row.limit),
            row.unit,
            None if miss_factor(row) == float("inf") else miss_factor(row) - 1,
        )
        for row in rows
    )
    return Table("Nearest rejections: what each rule eliminated last", columns, cells)


def pools_table(material: Material) -> Table:
    """For node types at sites: are they in the plan, and what ruled candidates on them out?"""
    taken = {(entry.site, entry.node_type) for entry in material.plan.deployments}
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for row in material.plan.rejections:
        rules = groups.setdefault((row.site, row.node_type), {})
        rules[row.rule] = rules.get(row.rule, 0) + row.count
    columns = (Column("Nodes"), Column("In the plan"), Column("Ruled out", "count"), Column("By rule"))
    rows = tuple(
        (
            f"{kind} at {site}",
            "yes" if (site, kind) in taken else "no",
            sum(rules.values()),
            ", ".join(f"{_named(rule)} {count:,}" for rule, count in sorted(rules.items(), key=lambda item: -item[1])),
        )
        for (site, kind), rules in sorted(groups.items(), key=lambda item: (item[0] not in taken, item[0]))
    )
    return Table("Candidates ruled out, by node type", columns, rows)
