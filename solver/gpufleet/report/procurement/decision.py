"""The decision in a paragraph, and the figures that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.confidence_text import caution_lines
from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money, percent, span
from gpufleet.report.procurement.bill import holdings
from gpufleet.report.procurement.cash import upfront_usd
from gpufleet.report.procurement.content import Block, Facts, Paragraph, Section
from gpufleet.report.procurement.material import TERMS
from gpufleet.report.robust_text import robust_text
from gpufleet.report.unserved_text import is_service_proven, unserved_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.bill import Holding
    from gpufleet.report.procurement.material import Baseline, Material

MOST_NAMED = 6
"""Entries of the fleet that the sentence names; the bill of materials has all."""


def banner(material: Material) -> Paragraph:
    """The verdict in a sentence."""
    plan, verdict = material.plan, material.verdict
    if not material.decided:
        return Paragraph(f"No plan: {plan.status}. {sentence(plan.reason, 'The file has no fleet')}", "bad")
    if verdict is not None and not verdict.ok:
        count = len(verdict.violations)
        broken = f"{', '.join(verdict.broken_rules)} ({count} {'finding' if count == 1 else 'findings'})"
        return Paragraph(f"Do not sign: the plan failed verification. It breaks {broken}.", "bad")
    checks = "" if verdict is None else f" Verified: every rule is kept, {sum(verdict.checked.values()):,} checks."
    return Paragraph(f"{proof_words(material)}{checks}", "good" if plan.status == "optimal" else "warning")


def proof_words(material: Material) -> str:
    """How far from the least cost the plan can be, in a sentence."""
    certificate = material.plan.certificate
    if certificate is None:
        return "Written by hand: nothing is proven about its cost."
    if not is_service_proven(certificate):
        return "Not proven to serve as much as possible."
    as_much = " that serves as much" if certificate.service else ""
    if material.plan.robust is not None:
        as_much += " and keeps" if as_much else " that keeps"
        as_much += " the limit on violations over the sample"
    if material.plan.status == "optimal":
        return f"Proven optimal: no plan{as_much} costs less."
    if certificate.bound_usd is None or certificate.gap is None:
        return "Nothing is proven about how much cheaper another plan could be."
    bound = f"no plan{as_much} costs less than {money(certificate.bound_usd)} USD"
    return f"Proven to within {percent(certificate.gap)} of optimal: {bound}."


def decision(material: Material) -> Section:
    """What to do, what it costs, and how sure that is."""
    return Section("decision", "Decision", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    if not material.decided:
        yield Paragraph(f"There is nothing to buy or rent. {sentence(material.plan.reason, 'The plan has no fleet')}")
        yield Paragraph(
            "gpufleet explain names a smallest set of requirements that cannot hold together, and what would help; "
            "below stands what each rule eliminated."
        )
        return
    if material.kept:
        yield Paragraph(_what(material))
    else:
        yield Paragraph(
            "The plan below breaks rules; the section Verification says which, where and by how much.", "bad"
        )
        yield Facts(tuple(_claims(material)))
        return
    yield Facts(tuple(_figures(material)))
    if material.plan.unserved:
        yield Paragraph(f"Not served: {unserved_words(material.resolved, material.plan)}.", "warning")
    for line in caution_lines(material.plan, material.hours):
        yield Paragraph(line)
    if material.plan.robust is not None:
        heading, *sentences = map(str, robust_text(material.plan))
        yield Paragraph(f"{heading}. {' '.join(sentences)}")
    # who serves less costs less
    if material.baseline is not None and not material.plan.unserved:
        yield Paragraph(_compared(material, material.baseline))
    if material.plan.note:
        yield Paragraph(f"Note of the plan: {material.plan.note}")


def _what(material: Material) -> str:
    rows = sorted(holdings(material), key=lambda row: -(row.total_usd or 0.0))
    named = [
        f"{_count(row)} × {row.node_type} ({row.accelerators} × {row.accelerator}) at {row.site}, "
        f"{TERMS.get(row.term, row.term)}{f', {row.stay}' if row.stay else ''}"
        for row in rows
    ]
    more = [f"{len(named) - MOST_NAMED} further entries of the bill of materials"] if len(named) > MOST_NAMED else []
    fleet = _joined(named[:MOST_NAMED] + more) or "no nodes"
    taken = [entry.measure for entry in material.plan.measures if entry.taken]
    measures = f" Carry out {_joined(taken)}." if taken else ""
    served = "everything that is asked for" if not material.plan.unserved else "all but what is named below"
    return (
        f"Take {fleet}.{measures} That serves {served}, and costs {money(material.cost_usd)} USD over "
        f"{span(material.hours)}: {money(material.cost_usd / material.hours * 24)} USD a day."
    )


def _count(row: Holding) -> str:
    return str(row.counts[0]) if len(set(row.counts)) == 1 else f"up to {max(row.counts)}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}" if parts else ""


def _figures(material: Material) -> Iterator[tuple[str, str]]:
    cost, plan = material.cost_usd, material.plan
    present = ", at present value" if material.resolved.instance.discount_rate_per_year else ""
    yield f"Cost over {span(material.hours)}{present}", f"{money(cost)} USD"
    yield "Cost a day", f"{money(cost / material.hours * 24)} USD"
    if plan.cash_flow:
        yield "To be paid at the start", f"{money(upfront_usd(plan))} USD"
    nodes, accelerators = most_at_a_time(material)
    yield "Nodes (accelerators), at most", f"{nodes:,} ({accelerators:,})"
    certificate = plan.certificate
    if certificate is not None and certificate.gap is not None:
        yield "Possible saving left", "none (proven)" if certificate.gap == 0 else f"at most {percent(certificate.gap)}"


def _claims(material: Material) -> Iterator[tuple[str, str]]:
    """Of a plan that breaks rules: its own cost beside the verifier's."""
    assert material.verdict is not None
    yield "Cost that the plan states", f"{money(material.cost_usd)} USD"
    yield "Cost recomputed", f"{money(material.verdict.cost_usd + material.verdict.moves_usd)} USD"


def most_at_a_time(material: Material) -> tuple[int, int]:
    """(nodes, accelerators) that are there together, at most."""
    resolved, most = material.resolved, (0, 0)
    for now in material.slices:
        there = [(entry.count, resolved.offers.get(entry.offer)) for entry in now.nodes(material.plan.nodes)]
        sizes = [
            (count, resolved.node_types[offer.node_type].accelerators if offer is not None else 0)
            for count, offer in there
        ]
        most = max(most, (sum(count for count, _ in sizes), sum(count * size for count, size in sizes)))
    return most


def sentence(text: str | None, otherwise: str) -> str:
    """A reason of the plan as a sentence."""
    words = (text or otherwise).strip()
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"


def _compared(material: Material, baseline: Baseline) -> str:
    """How it stands against a proposal."""
    fleet = fleet_words(material.resolved, baseline.plan, terms=False)
    verdict = baseline.verdict
    kept = "keeps every rule" if verdict.ok else f"breaks {', '.join(verdict.broken_rules)}"
    saved = verdict.cost_usd - material.cost_usd
    share = f" ({percent(abs(saved) / verdict.cost_usd)})" if verdict.cost_usd else ""
    beside = f"saves {money(saved)} USD{share}" if saved >= 0 else f"costs {money(-saved)} USD{share} more"
    return (
        f"The proposal {baseline.name} ({fleet}) {kept} and costs {money(verdict.cost_usd)} USD; this plan "
        f"{'costs the same' if round(saved, 2) == 0 else beside}."
    )
