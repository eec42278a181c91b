"""A plan as tables and paragraphs for a terminal, readable from 80 columns on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.performance.result import MODEL
from gpufleet.report.confidence_text import caution_lines, provenance_words
from gpufleet.report.format import figure, money, percent, span, span_of_counts
from gpufleet.report.partition_words import partition_words
from gpufleet.report.pools import varying_pools
from gpufleet.report.prices_text import overlay_lines
from gpufleet.report.resilience_text import charge_rows, redundancy_lines
from gpufleet.report.table import table as table
from gpufleet.report.timetable import schedule, timetable
from gpufleet.report.training_text import restart_lines
from gpufleet.report.unserved_text import is_service_proven, service_rows, unserved_lines
from gpufleet.schema.offers import RENTED_TERMS
from gpufleet.schema.workloads import Training
from gpufleet.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.plan import Certificate, CostLine, Deployment, Parallelism, Plan, PlannedNodes, Route
    from gpufleet.schema.resolved import ResolvedInstance

LONGEST_LINE = 76
"""So many characters of a deployment's figures fit on 80 columns."""
MOST_WITH_CENTS = 5
"""So many items of a cash flow fit on 80 columns with cents."""


def plan_text(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """The whole answer, section by section."""
    yield from _headline(resolved, plan)
    if plan.unserved:
        yield _section("Not served, although it is asked for")
        yield from unserved_lines(resolved, plan)
    if plan.nodes:
        yield _section("Fleet")
        yield _fleet(resolved, plan)
        yield from _rented(resolved, plan)
        if plan.measures:
            yield _section("Measures")
            yield _measures(plan)
        yield from _partitioned(resolved, plan)
        yield _section("Deployments")
        yield from _deployments(resolved, plan)
        yield from _redundancy(resolved, plan)
        yield _section("Costs over the horizon")
        yield _costs(plan)
        yield from _prices(plan)
        if plan.overlay is not None:
            yield _section("Terms of your own")
            yield from overlay_lines(plan)
        yield from _charges(resolved, plan)
        if resolved.instance.hours > HOURS_PER_YEAR:
            yield _section("Cash flow by year, not discounted")
            yield _cash_flow(plan, float(resolved.instance.hours) / HOURS_PER_YEAR)
    if resolved.profiles.gaps:
        yield _section(f"Not covered by {resolved.instance.performance_source}: the performance model stands")
        yield from resolved.profiles.gaps
    if plan.certificate is not None:
        yield _section("Certificate")
        yield _certificate(resolved, plan.certificate)
    if plan.funnel:
        yield _section("Candidates: what each rule eliminated")
        yield funnel_table(plan)


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold"), (1, 0, 0, 0))


def _headline(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    yield Text(resolved.instance.title, style="bold")
    certificate, hours = plan.certificate, float(resolved.instance.hours)
    if certificate is None or certificate.objective_usd is None:
        yield Text(f"{str(plan.status).upper()}: {plan.reason or 'no plan'}", style="bold red")
        if certificate is not None and certificate.bound_usd:
            yield Text(f"Proven: no plan costs less than {money(certificate.bound_usd)} USD.")
        yield from map(Text, caution_lines(plan, hours))
        return
    cost = certificate.objective_usd
    proof = "proven optimal" if plan.status == "optimal" else f"within {percent(certificate.gap or 0)} of optimal"
    if certificate.gap is None:
        proof = "without a proven bound"
    if not is_service_proven(certificate):
        proof = "but not proven to serve as much as possible"
    yield Text(f"{money(cost)} USD over {span(hours)} ({money(cost / hours * 24)} USD a day), {proof}.", style="green")
    if plan.reason:
        yield Text(plan.reason)
    yield from map(Text, caution_lines(plan, hours))


def _fleet(resolved: ResolvedInstance, plan: Plan) -> RenderableType:
    """One row per offer and length of stay; what is rented by the period is added up."""
    staged = bool(resolved.instance.stages)
    columns = ("nodes", "node type", "site", "term", *(("stages",) if staged else ()), "USD/node", "USD total")
    grid = table(*columns, numeric=("nodes", "USD/node", "USD total"))
    for nodes in (entry for entry in plan.nodes if entry not in _varying(plan)):
        node = resolved.node_types[nodes.node_type or ""]
        unit, total = money(nodes.unit_cost_usd or 0), money(nodes.total_cost_usd or 0)
        stay = (_stay(nodes),) if staged else ()
        grid.add_row(str(nodes.count), _node_words(node), nodes.site, nodes.term, *stay, unit, total)
    for rented in _by_offer(_varying(plan)).values():
        node = resolved.node_types[rented[0].node_type or ""]
        total = money(sum(entry.total_cost_usd or 0 for entry in rented))
        stay = ("see below",) if staged else ()
        counts = span_of_counts(schedule(resolved, rented))
        grid.add_row(counts, _node_words(node), rented[0].site, rented[0].term, *stay, "", total)
    return grid


def _varying(plan: Plan) -> list[PlannedNodes]:
    """Nodes that are rented by the period or stage."""
    return [n for n in plan.nodes if n.period is not None or (n.first_stage is not None and n.term in RENTED_TERMS)]


def _by_offer(entries: list[PlannedNodes]) -> dict[str, list[PlannedNodes]]:
    groups: dict[str, list[PlannedNodes]] = {}
    for entry in entries:
        groups.setdefault(entry.offer, []).append(entry)
    return groups


def _stay(nodes: PlannedNodes) -> str:
    if nodes.first_stage == nodes.last_stage:
        return nodes.first_stage or "all"
    return f"{nodes.first_stage} to {nodes.last_stage}"


def _node_words(node: NodeType) -> str:
    return f"{node.name} ({node.accelerators}x {node.accelerator})"


def _rented(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """When rented nodes are there, and how many nodes of their pools are there always."""
    for offer, entries in _by_offer(_varying(plan)).items():
        yield Text.assemble(("nodes of ", "dim"), offer, f": {timetable(resolved, schedule(resolved, entries))}")
    for pool, words in varying_pools(resolved, plan):
        yield Text.assemble(("pool ", "dim"), pool, f": {words}")


def _measures(plan: Plan) -> RenderableType:
    grid = table("measure", "decision", "USD", numeric=("USD",))
    for entry in plan.measures:
        grid.add_row(entry.measure, "taken" if entry.taken else "not taken", money(entry.cost_usd or 0))
    return grid


def _partitioned(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """How many of the nodes run as which partition."""
    for where, words in partition_words(resolved, plan):
        yield Text.assemble(("partition ", "dim"), where, f": {words}")


def _deployments(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    for workload in resolved.instance.workloads:
        models = [card.name for card in resolved.models_of(workload)]
        model = f", {' or '.join(models)}" if models else ""
        yield Text(f"{workload.name} ({workload.kind}{model})", style="bold cyan")
        if workload.name in resolved.services:
            yield Text(f"  shared by {', '.join(resolved.services[workload.name])}", style="dim")
        groups: dict[str, list[int]] = {}
        for index, deployment in enumerate(plan.deployments):
            if deployment.workload == workload.name:
                groups.setdefault(form_words(deployment), []).append(index)
        if plan.unserved and not groups:
            yield Text("  nothing of it runs")
        for form, indices in groups.items():
            for line in _deployment_lines(resolved, plan, form, indices):
                yield Padding(Text(line), (0, 0, 0, 2))


def parallelism_words(parallelism: Parallelism) -> str:
    """The label, or which instances read prompts and which decode: `prefill 2 x TP2 + decode 1 x TP4`."""
    if not parallelism.prefill_instances:
        return parallelism.label
    experts = f", EP{parallelism.expert}" if parallelism.expert > 1 else ""
    prefill = f"prefill {parallelism.prefill_instances} x TP{parallelism.prefill_tensor}"
    return f"{prefill} + decode {parallelism.data} x TP{parallelism.tensor}{experts}"


def form_words(deployment: Deployment) -> str:
    """What one replica is and where it runs."""
    size = deployment.parallelism.accelerators
    model = "" if deployment.model is None else f"{deployment.model} "
    return (
        f"{model}{deployment.variant or deployment.option} on {deployment.node_type} at {deployment.site}: "
        f"{parallelism_words(deployment.parallelism)}, batch {deployment.batch}, "
        f"{size} {'accelerator' if size == 1 else 'accelerators'} a replica"
        f"{', on spot nodes' if deployment.spot else ''}"
        f"{', with ' + ' and '.join(deployment.measures) if deployment.measures else ''}"
    )


def _deployment_lines(resolved: ResolvedInstance, plan: Plan, form: str, indices: list[int]) -> Iterator[str]:
    """The same deployment in one or several periods: figures are those of the period with the highest load."""
    group = [plan.deployments[index] for index in indices]
    deployment = max(group, key=lambda entry: entry.utilisation or 0)
    counts = schedule(resolved, group)
    most = max(counts)
    yield f"{'up to ' if len(set(counts)) > 1 else ''}{most} x {form}"
    parts = []
    if not isinstance(resolved.workloads[deployment.workload], Training):
        parts.append(f"utilisation {percent(deployment.utilisation or 0)}")
    if deployment.memory_gb is not None and deployment.memory_limit_gb is not None:
        parts.append(f"memory {deployment.memory_gb:.1f} of {deployment.memory_limit_gb:.1f} GB")
    bound = f"bound by {deployment.bottleneck}, {provenance_words(deployment)}"
    line = "; ".join([*parts, bound])
    yield from (f"  {part}" for part in ([line] if len(line) <= LONGEST_LINE else ["; ".join(parts), bound]))
    if deployment.variant is not None and deployment.provenance in ("measured", "interpolated"):
        yield f"  from {deployment.evidence}; memory and bound are the model's"
    elif deployment.provenance == "modelled" and not (deployment.evidence or MODEL).startswith(MODEL):
        yield f"  modelled by {deployment.evidence}; memory and bound by the performance model"
    if deployment.training_days is not None:
        workload = resolved.workloads[deployment.workload]
        assert isinstance(workload, Training)
        pace = " without a break" if deployment.period is not None else ""
        yield f"  trains in {deployment.training_days:.3g} days{pace} (deadline {workload.deadline_days:g})"
        yield from restart_lines(resolved, plan, workload, group)
    yield from _latency_lines(deployment)
    if len(counts) > 1:
        yield f"  replicas: {timetable(resolved, counts)}"
    routes = [route for route in plan.routing if route.deployment in indices]
    if len(counts) == 1 and routes:
        yield "  serves " + ", ".join(f"{route.request_class} {percent(route.share)}" for route in routes)
    elif len({route.request_class for route in plan.routing if route.workload == deployment.workload}) > 1:
        yield "  serves at most " + ", ".join(f"{name} {percent(share)}" for name, share in _highest(routes).items())


def _highest(routes: list[Route]) -> dict[str, float]:
    """Largest share per class over the periods."""
    shares: dict[str, float] = {}
    for route in routes:
        shares[route.request_class] = max(route.share, shares.get(route.request_class, 0.0))
    return shares


def _latency_lines(deployment: Deployment) -> Iterator[str]:
    for metric, percentile, limit in dict.fromkeys((f.metric, f.percentile, f.limit_ms) for f in deployment.latency):
        key = (metric, percentile, limit)
        values = [f for f in deployment.latency if (f.metric, f.percentile, f.limit_ms) == key]
        shown = ", ".join(f"{value.request_class} {figure(value.predicted_ms)}" for value in values)
        yield f"  {metric} p{percentile:g}: {shown} ms (limit {figure(limit)} ms)"


def _redundancy(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    lines = list(redundancy_lines(resolved, plan))
    if lines:
        yield _section("Redundancy: what may fail")
        yield from lines


def _charges(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """Workloads with budgets of their own."""
    rows = list(charge_rows(resolved, plan))
    if rows:
        yield _section("Charges to workloads with budgets of their own")
        grid = table(
            "workload", "cap", "USD charged", "USD limit", "used", numeric=("USD charged", "USD limit", "used")
        )
        for row in rows:
            grid.add_row(*row)
        yield grid


def _costs(plan: Plan) -> RenderableType:
    """The bill; several lines of one item and offer, by period or stage, are added up."""
    grid = table("cost", "offer", "nodes", "USD/node", "USD total", numeric=("nodes", "USD/node", "USD total"))
    groups: dict[tuple[str, str], list[CostLine]] = {}
    for line in plan.costs:
        groups.setdefault((line.item, line.offer), []).append(line)
    for (item, offer), lines in groups.items():
        total = money(sum(line.total_usd for line in lines))
        if len(lines) == 1 and lines[0].period is None:
            grid.add_row(item, offer, str(lines[0].quantity), money(lines[0].unit_usd), total)
        else:
            grid.add_row(item, offer, "several", "", total)
    grid.add_row("total", "", "", "", money(sum(line.total_usd for line in plan.costs)), style="bold")
    return grid


def _cash_flow(plan: Plan, years: float) -> RenderableType:
    """One row per year, one column per item; what lies beyond the horizon comes last. Many columns: whole dollars."""
    items = list(dict.fromkeys(flow.item for flow in plan.cash_flow))
    words = money if len(items) <= MOST_WITH_CENTS else "{:,.0f}".format
    grid = table("year", *items, "USD", numeric=("year", *items, "USD"))
    for year in sorted({flow.year for flow in plan.cash_flow}):
        paid = {flow.item: flow.usd for flow in plan.cash_flow if flow.year == year}
        cells = [words(paid[item]) if item in paid else "" for item in items]
        grid.add_row(str(year + 1) if year < years else "after", *cells, words(sum(paid.values())))
    return grid


def _prices(plan: Plan) -> Iterator[RenderableType]:
    sources = dict.fromkeys((line.offer, line.source) for line in plan.costs if line.item != "energy")
    for offer, source in sources:
        yield Text.assemble(("price of ", "dim"), offer, (f": {source}", "dim"))
    for source in dict.fromkeys(line.source for line in plan.costs if line.item == "energy"):
        yield Text(source, style="dim")


def _certificate(resolved: ResolvedInstance, certificate: Certificate) -> RenderableType:
    grid = table("", "")
    grid.show_header = False
    as_much = "that serves as much " if certificate.service else ""
    for label, words in service_rows(resolved, certificate):
        grid.add_row(label, words)
    if certificate.objective_usd is not None:
        grid.add_row("objective", f"{money(certificate.objective_usd)} USD{_of_which(certificate)}")
    if certificate.bound_usd is not None:
        grid.add_row("bound", f"{money(certificate.bound_usd)} USD: no plan {as_much}costs less")
    if certificate.gap is not None:
        grid.add_row("gap", "0 (proven optimal)" if certificate.gap == 0 else percent(certificate.gap))
    if certificate.prices is not None and certificate.prices.tree is not None:
        cases = sum("<=" not in word for word in certificate.prices.tree.nodes.split())
        proven = f"{money(certificate.prices.bound_usd)} USD by prices over {cases:,} cases"
        grid.add_row("checkable", f"{proven}: verify --bound repeats it without a solver")
    grid.add_row("engine", f"{certificate.engine}: {certificate.engine_reason}")
    repeats = ", deterministic" if certificate.deterministic else ""
    workers = f"seed {certificate.seed}, workers {certificate.workers}{repeats}"
    grid.add_row("solver", f"{certificate.versions['solver']}, {workers}")
    grid.add_row("ties", certificate.tie_break)
    grid.add_row("instance", f"sha256 {certificate.instance_digest[:16]}")
    return grid


def _of_which(certificate: Certificate) -> str:
    """Fleet and moves apart, where there is a fleet of today."""
    if certificate.fleet_usd is None or certificate.moves_usd is None:
        return ""
    return f": fleet {money(certificate.fleet_usd)}, changes of today's fleet {money(certificate.moves_usd)}"


def funnel_table(plan: Plan, workload: str | None = None) -> RenderableType:
    """Candidates before each rule and what it eliminated, for one workload or all."""
    grid = table("workload", "rule", "candidates", "eliminated", numeric=("candidates", "eliminated"))
    last = None
    for step in plan.funnel:
        if workload in (None, step.workload):
            name = step.workload if step.workload != last else ""
            last = step.workload
            eliminated = "" if step.rule == "kept" else f"-{step.eliminated:,}"
            grid.add_row(name, step.rule, f"{step.before:,}", eliminated)
    return grid
