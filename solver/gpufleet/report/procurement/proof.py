"""What is proven and checked: certificate, verification, and lines to sign on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.bound_text import bound_text
from gpufleet.report.format import money, percent
from gpufleet.report.procurement.content import Block, Bullets, Column, Facts, Paragraph, Section, SignOff, Table
from gpufleet.report.unserved_text import service_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.plan import Certificate

ROLES = ("Prepared by", "Reviewed by", "Approved by")


def certificate(material: Material) -> Section:
    """The section on the proof."""
    known = material.plan.certificate
    if known is None:
        words = "The plan was written by hand: it carries no certificate, and nothing is proven about its cost."
        return Section("certificate", "Certificate", (Paragraph(words),))
    return Section("certificate", "Certificate", (Facts(tuple(_facts(material, known))), *_dates(known)))


def _facts(material: Material, known: Certificate) -> Iterator[tuple[str, str]]:
    yield from service_rows(material.resolved, known)
    yield "Status", str(material.plan.status)
    if known.objective_usd is not None:
        yield "Objective", f"{money(known.objective_usd)} USD{_parts(known)}"
    as_much = "that serves as much " if known.service else ""
    if known.bound_usd is not None:
        yield "Bound", f"{money(known.bound_usd)} USD: no plan {as_much}costs less"
    if known.gap is not None:
        yield "Gap", "0 (proven optimal)" if known.gap == 0 else percent(known.gap)
    yield "Bound recomputed without a solver", _confirmed(material, known)
    yield "Engine", f"{known.engine}: {known.engine_reason}"
    yield "Versions", ", ".join(f"{name} {version}" for name, version in known.versions.items())
    yield "Seed and workers", f"{known.seed}, {known.workers}{', deterministic' if known.deterministic else ''}"
    yield "Ties", known.tie_break
    yield "Rounding of money", f"{known.rounding_error_usd:g} USD at most"
    yield "Rounding of capacity", f"{known.capacity_rounding_relative:.2g} at most, downwards"
    yield "Digest of the instance (SHA-256)", known.instance_digest
    if material.plan_sha256 is not None:
        yield "Digest of the plan file (SHA-256)", material.plan_sha256
    if material.plan.robust is not None:
        claim = material.plan.robust
        yield (
            "Robustness",
            (
                f"{percent(claim.fresh_share)} of {claim.fresh_samples:,} fresh scenarios violated (95 % confidence: "
                f"from {percent(claim.fresh_low)} to {percent(claim.fresh_high)}; limit {percent(claim.limit)})"
            ),
        )


def _parts(known: Certificate) -> str:
    if known.fleet_usd is None or known.moves_usd is None:
        return ""
    return f": fleet {money(known.fleet_usd)}, changes of today's fleet {money(known.moves_usd)}"


def _confirmed(material: Material, known: Certificate) -> str:
    if material.confirmation is not None:
        return " ".join(str(part) for part in bound_text(material.confirmation))
    if known.prices is None:
        return "not possible: the plan file carries no prices"
    claim = f"the plan carries prices that prove {money(known.prices.bound_usd)} USD"
    return f"not asked for; {claim}, which report --bound checks"


def _dates(known: Certificate) -> Iterator[Block]:
    if known.price_dates:
        rows = tuple(known.price_dates.items())
        yield Table("Dates of the prices that were used", (Column("Offer"), Column("Price as of")), rows)


def verification(material: Material) -> Section:
    """The section on what the verifier recomputed."""
    return Section("verification", "Verification", tuple(_verified(material)))


def _verified(material: Material) -> Iterator[Block]:
    verdict = material.verdict
    if verdict is None:
        yield Paragraph("There is no fleet to verify.")
        return
    if verdict.ok:
        yield Paragraph(
            "The independent verifier recomputed the plan from the instance alone: it keeps every rule.", "good"
        )
    else:
        yield Paragraph("The plan breaks rules of the instance and must not be carried out as it stands.", "bad")
        yield Bullets(tuple(str(violation) for violation in verdict.violations))
    yield Paragraph(
        f"Recomputed cost: {money(verdict.cost_usd)} USD over the horizon, {money(verdict.cost_usd_per_day)} USD a day."
    )
    if changed := changed_words(material):
        yield Paragraph(changed, "warning")
    yield checks_table(material)


def changed_words(material: Material) -> str | None:
    """Was the plan made for another version of the question? The verifier judges it by this one all the same."""
    known = material.plan.certificate
    if known is None or known.instance_digest == material.resolved.digest:
        return None
    return (
        f"The plan was made for another version of this instance (digest {known.instance_digest[:16]}, now "
        f"{material.resolved.digest[:16]}): the verifier judged it by the present one, but what is proven "
        "holds for the other."
    )


def checks_table(material: Material) -> Table:
    """Every rule, how often it was checked, and whether it is kept."""
    assert material.verdict is not None
    broken = [violation.rule for violation in material.verdict.violations]
    rows = tuple(
        (rule.replace("_", " "), count, f"{broken.count(rule)} broken" if rule in broken else "kept")
        for rule, count in material.verdict.checked.items()
    )
    return Table("Rules that were checked", (Column("Rule"), Column("Checks", "count"), Column("Verdict")), rows)


def sign_off(material: Material) -> Section:
    """Lines to sign on, with the digests of what is signed."""
    digests = [("Instance (SHA-256 of its content)", material.resolved.digest)]
    if material.plan_sha256 is not None:
        digests.append(("Plan file (SHA-256)", material.plan_sha256))
    return Section("sign-off", "Sign-off", (SignOff(ROLES, tuple(digests)),))
