"""The explanation of an answer as plain values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpufleet.report.fleet_words import fleet_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.edits.requirement import Requirement
    from gpufleet.explain.binding import Binding
    from gpufleet.explain.explanation import Explanation
    from gpufleet.explain.repairs import Repair
    from gpufleet.explain.rivals import Rival
    from gpufleet.schema.elimination import Rejected
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def explanation_json(explained: Explanation, misses: Mapping[str, Mapping[str, Rejected]]) -> dict[str, Any]:
    """Everything that the text says, and the whole funnel; amounts in USD over the horizon."""
    resolved, plan, conflict = explained.resolved, explained.plan, explained.conflict
    found: dict[str, Any] = {**_plan(resolved, plan), "reason": plan.reason}
    if plan.status == "infeasible":
        found["conflict"] = conflict and {
            "requirements": [_requirement(resolved, known) for known in conflict.requirements],
            "irreducible": conflict.irreducible,
            "smallest": conflict.smallest,
        }
        found["repairs"] = [_repair(resolved, repair) for repair in explained.repairs]
        found["together"] = explained.together and {
            "requirements": [_requirement(resolved, known) for known in explained.together.requirements],
            **_plan(resolved, explained.together.plan),
        }
    if explained.bindings is not None:
        found["binding"] = [_binding(resolved, binding) for binding in explained.bindings.found]
        found["binding_together"] = [_binding(resolved, binding) for binding in explained.bindings.together]
        found["binding_complete"] = explained.bindings.complete
        found["accelerators"] = [_rival(resolved, rival) for rival in explained.rivals]
    found["funnel"] = [step.model_dump() for step in plan.funnel]
    found["nearest"] = [row.model_dump() for rows in misses.values() for row in rows.values()]
    return found


def _plan(resolved: ResolvedInstance, plan: Plan | None) -> dict[str, Any]:
    cost = None if plan is None or plan.certificate is None else plan.certificate.objective_usd
    return {
        "status": None if plan is None else plan.status,
        "objective_usd": cost,
        "fleet": "" if plan is None else fleet_words(resolved, plan),
    }


def _requirement(resolved: ResolvedInstance, known: Requirement) -> dict[str, Any]:
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in resolved.place_of(known.loc))
    return {
        "kind": known.kind,
        "requirement": known.words,
        "file": resolved.path,
        "line": resolved.line_of(known.loc),
        "field": field.lstrip("."),
        "value": known.value,
        "unit": known.unit,
    }


def _binding(resolved: ResolvedInstance, binding: Binding) -> dict[str, Any]:
    return {
        "requirements": [_requirement(resolved, known) for known in binding.requirements],
        "price_usd": binding.price_usd,
        "proven": binding.proven,
        "without": _plan(resolved, binding.plan),
    }


def _repair(resolved: ResolvedInstance, repair: Repair) -> dict[str, Any]:
    return {
        **_requirement(resolved, repair.requirement),
        "change": repair.words,
        "new_value": repair.value,
        "least": repair.least,
        "then": _plan(resolved, repair.plan),
    }


def _rival(resolved: ResolvedInstance, rival: Rival) -> dict[str, Any]:
    return {
        "accelerator": rival.accelerator,
        "extra_usd": rival.extra_usd,
        "nodes": rival.nodes,
        "over_budget": rival.over_budget,
        "level_factor": rival.level_factor,
        "level_usd_per_hour": rival.level_usd_per_hour,
        "offer": rival.offer,
        "without_option": rival.homeless,
        "nearest": rival.nearest and rival.nearest.model_dump(),
        "alone": _plan(resolved, rival.plan),
    }
