"""A plan as tables and paragraphs for a terminal, readable from 80 columns on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gpufleet.report.format import figure, money, percent, span, span_of_counts
from gpufleet.report.partition_words import partition_words
from gpufleet.report.timetable import schedules, timetable
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.plan import Certificate, Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance


def plan_text(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """The whole answer, section by section."""
    yield from _headline(resolved, plan)
    if plan.nodes:
        yield _section("Fleet")
        yield _fleet(resolved, plan)
        yield from _rented(resolved, plan)
        yield from _partitioned(resolved, plan)
        yield _section("Deployments")
        yield from _deployments(resolved, plan)
        yield _section("Costs over the horizon")
        yield _costs(plan)
        yield from _prices(plan)
    if plan.certificate is not None:
        yield _section("Certificate")
        yield _certificate(plan.certificate)
    if plan.funnel:
        yield _section("Candidates: what each rule eliminated")
        yield funnel_table(plan)


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold"), (1, 0, 0, 0))


def table(*columns: str, numeric: tuple[str, ...] = ()) -> Table:
    """A table in the house style: no frame, numbers to the right."""
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        grid.add_column(name, justify="right" if name in numeric else "left", no_wrap=name in numeric, overflow="fold")
    return grid


def _headline(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    yield Text(resolved.instance.title, style="bold")
    certificate = plan.certificate
    if certificate is None or certificate.objective_usd is None:
        yield Text(f"{str(plan.status).upper()}: {plan.reason or 'no plan'}", style="bold red")
        if certificate is not None and certificate.bound_usd:
            yield Text(f"Proven: no plan costs less than {money(certificate.bound_usd)} USD.")
        return
    hours = float(resolved.instance.hours)
    cost = certificate.objective_usd
    proof = "proven optimal" if plan.status == "optimal" else f"within {percent(certificate.gap or 0)} of optimal"
    if certificate.gap is None:
        proof = "without a proven bound"
    yield Text(f"{money(cost)} USD over {span(hours)} ({money(cost / hours * 24)} USD a day), {proof}.", style="green")
    if plan.reason:
        yield Text(plan.reason)


def _fleet(resolved: ResolvedInstance, plan: Plan) -> RenderableType:
    grid = table(
        "nodes", "node type", "site", "term", "USD/node", "USD total", numeric=("nodes", "USD/node", "USD total")
    )
    for nodes in (entry for entry in plan.nodes if entry.period is None):
        node = resolved.node_types[nodes.node_type or ""]
        unit, total = money(nodes.unit_cost_usd or 0), money(nodes.total_cost_usd or 0)
        grid.add_row(str(nodes.count), _node_words(node), nodes.site, nodes.term, unit, total)
    for offer, counts in schedules(resolved, ((n.offer, n.period, n.count) for n in plan.nodes)).items():
        rented = [entry for entry in plan.nodes if entry.offer == offer]
        node = resolved.node_types[rented[0].node_type or ""]
        total = money(sum(entry.total_cost_usd or 0 for entry in rented))
        grid.add_row(span_of_counts(counts), _node_words(node), rented[0].site, rented[0].term, "", total)
    return grid


def _node_words(node: NodeType) -> str:
    return f"{node.name} ({node.accelerators}x {node.accelerator})"


def _rented(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """When rented nodes are there."""
    for offer, counts in schedules(resolved, ((n.offer, n.period, n.count) for n in plan.nodes)).items():
        yield Text.assemble(("nodes of ", "dim"), offer, f": {timetable(resolved, counts)}")


def _partitioned(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """How many of the nodes run as which partition."""
    for where, words in partition_words(resolved, plan):
        yield Text.assemble(("partition ", "dim"), where, f": {words}")


def _deployments(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    for workload in resolved.instance.workloads:
        model = "" if resolved.model_of(workload) is None else f", {workload.model}"  # type: ignore[union-attr]
        yield Text(f"{workload.name} ({workload.kind}{model})", style="bold cyan")
        groups: dict[str, list[int]] = {}
        for index, deployment in enumerate(plan.deployments):
            if deployment.workload == workload.name:
                groups.setdefault(_form(deployment), []).append(index)
        for form, indices in groups.items():
            for line in _deployment_lines(resolved, plan, form, indices):
                yield Padding(Text(line), (0, 0, 0, 2))


def _form(deployment: Deployment) -> str:
    """What one replica is and where it runs."""
    size = deployment.parallelism.accelerators
    return (
        f"{deployment.variant or deployment.option} on {deployment.node_type} at {deployment.site}: "
        f"{deployment.parallelism.label}, batch {deployment.batch}, "
        f"{size} {'accelerator' if size == 1 else 'accelerators'} a replica"
    )


def _deployment_lines(resolved: ResolvedInstance, plan: Plan, form: str, indices: list[int]) -> Iterator[str]:
    """The same deployment in one or several periods: figures are those of the period with the highest load."""
    group = [plan.deployments[index] for index in indices]
    deployment = max(group, key=lambda entry: entry.utilisation or 0)
    most = max(entry.replicas for entry in group)
    yield f"{'up to ' if deployment.period is not None else ''}{most} x {form}"
    parts = []
    if not isinstance(resolved.workloads[deployment.workload], Training):
        parts.append(f"utilisation {percent(deployment.utilisation or 0)}")
    if deployment.memory_gb is not None and deployment.memory_limit_gb is not None:
        parts.append(f"memory {deployment.memory_gb:.1f} of {deployment.memory_limit_gb:.1f} GB")
    parts.append(f"bound by {deployment.bottleneck}, {deployment.provenance}")
    yield "  " + "; ".join(parts)
    if deployment.training_days is not None:
        workload = resolved.workloads[deployment.workload]
        assert isinstance(workload, Training)
        pace = " without a break" if deployment.period is not None else ""
        yield f"  trains in {deployment.training_days:.3g} days{pace} (deadline {workload.deadline_days:g})"
    yield from _latency_lines(deployment)
    if deployment.period is not None:
        counts = schedules(resolved, (("", entry.period, entry.replicas) for entry in group))
        yield f"  replicas: {timetable(resolved, counts[''])}"
        return
    routes = [route for route in plan.routing if route.deployment in indices]
    if routes:
        yield "  serves " + ", ".join(f"{route.request_class} {percent(route.share)}" for route in routes)


def _latency_lines(deployment: Deployment) -> Iterator[str]:
    for metric, percentile, limit in dict.fromkeys((f.metric, f.percentile, f.limit_ms) for f in deployment.latency):
        values = [f for f in deployment.latency if (f.metric, f.percentile) == (metric, percentile)]
        shown = ", ".join(f"{value.request_class} {figure(value.predicted_ms)}" for value in values)
        yield f"  {metric} p{percentile:g}: {shown} ms (limit {figure(limit)} ms)"


def _costs(plan: Plan) -> RenderableType:
    """The bill; what is rented period by period is added up over the periods."""
    grid = table("cost", "offer", "nodes", "USD/node", "USD total", numeric=("nodes", "USD/node", "USD total"))
    for line in (entry for entry in plan.costs if entry.period is None):
        grid.add_row(line.item, line.offer, str(line.quantity), money(line.unit_usd), money(line.total_usd))
    by_period = [line for line in plan.costs if line.period is not None]
    for item, offer in dict.fromkeys((line.item, line.offer) for line in by_period):
        total = sum(line.total_usd for line in by_period if (line.item, line.offer) == (item, offer))
        grid.add_row(item, offer, "by period", "", money(total))
    grid.add_row("total", "", "", "", money(sum(line.total_usd for line in plan.costs)), style="bold")
    return grid


def _prices(plan: Plan) -> Iterator[RenderableType]:
    sources = dict.fromkeys((line.offer, line.source) for line in plan.costs)
    for offer, source in sources:
        yield Text.assemble(("price of ", "dim"), offer, (f": {source}", "dim"))


def _certificate(certificate: Certificate) -> RenderableType:
    grid = table("", "")
    grid.show_header = False
    if certificate.objective_usd is not None:
        grid.add_row("objective", f"{money(certificate.objective_usd)} USD")
    if certificate.bound_usd is not None:
        grid.add_row("bound", f"{money(certificate.bound_usd)} USD: no plan costs less")
    if certificate.gap is not None:
        grid.add_row("gap", "0 (proven optimal)" if certificate.gap == 0 else percent(certificate.gap))
    grid.add_row("engine", f"{certificate.engine}: {certificate.engine_reason}")
    grid.add_row("solver", f"{certificate.versions['solver']}, seed {certificate.seed}, workers {certificate.workers}")
    grid.add_row("ties", certificate.tie_break)
    grid.add_row("instance", f"sha256 {certificate.instance_digest[:16]}")
    return grid


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
