"""Figures are worked out once for instances that ask the same, and anew for those that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import NET, accelerator, edited, instance, node, offer, resolved, site
from gpufleet.candidates import figures
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.schema.instance import Budgets
from gpufleet.schema.workloads import SLO, ItemClass, Privacy, RequestServing, Training

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance

VISION = RequestServing(
    name="vision",
    kind="request_serving",
    model="net",
    classes=(ItemClass(name="image", requests_per_s=30.0),),
    slo=(SLO(metric="end_to_end", percentile=99.0, limit_ms=150.0),),
    max_batch=4,
)
RUN = Training(name="run", kind="training", model="net", samples=2e5, epochs=1.0, global_batch=8, deadline_days=1.0)


def asked(vision: dict[str, Any] | None = None, run: dict[str, Any] | None = None, **changes: Any) -> ResolvedInstance:
    work = (edited(VISION, **vision or {}), edited(RUN, **run or {}))
    offers = changes.pop("offers", (offer("o1", "n1"), offer("o2", "n2")))
    fields = {"models": (NET,), "node_types": (node("n1"), node("n2", 2)), **changes}
    return resolved(instance(work, offers, **fields))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    figures.forget()


def misses() -> int:
    return figures.figures.cache_info().misses


SAME = {
    "demand": {"vision": {"classes": (ItemClass(name="image", requests_per_s=99.0),)}},
    "privacy": {"vision": {"privacy": Privacy(locations="on_prem"), "min_replicas": 2, "note": "other"}},
    "variants": {"vision": {"precisions": ("fp16",)}, "run": {"restart_minutes": 5.0, "priority": 3}},
    "money": {"budgets": Budgets(usd_per_day=1.0), "offers": (offer("o1", "n1", 7.0), offer("o2", "n2", 9.0))},
    "site": {"sites": (site(country="DE", power_cap_kw=1.0),)},
}
OTHERS = {
    "SLO": {"vision": {"slo": (SLO(metric="end_to_end", percentile=99.0, limit_ms=60.0),)}},
    "batch": {"vision": {"max_batch": 8}},
    "size": {"vision": {"classes": (ItemClass(name="image", requests_per_s=30.0, items=3),)}},
    "utilisation": {"vision": {"max_utilisation": 0.5}},
    "samples": {"run": {"samples": 3e5}},
    "deadline": {"run": {"deadline_days": 2.0}},
    "stock": {"offers": (offer("o1", "n1", stock=1), offer("o2", "n2", stock=1))},
    "accelerator": {"accelerators": (accelerator(memory_bandwidth_gb_s=500.0),)},
    "node": {"node_types": (node("n1", network_gb_s=5.0), node("n2", 2, network_gb_s=5.0))},
    "model": {"models": (edited(NET, parameters=2e6),)},
    "confidence": {"performance": "p90"},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_the_model_does_not_read_is_not_worked_out_again(changes: dict[str, Any]) -> None:
    build_candidates(asked())
    known = misses()
    assert known == 4  # two workloads on two node types
    build_candidates(asked(**changes))
    assert misses() == known


@pytest.mark.parametrize("changes", {**SAME, **OTHERS}.values(), ids={**SAME, **OTHERS})
def test_candidates_are_those_of_a_fresh_start(changes: dict[str, Any]) -> None:
    fresh = build_candidates(asked(**changes))
    figures.forget()
    build_candidates(asked())
    before = misses()
    again = build_candidates(asked(**changes))
    assert (again.options, again.funnel) == (fresh.options, fresh.funnel)
    assert (misses() > before) == (changes in OTHERS.values())


def test_another_calibration_gives_other_figures() -> None:
    """Also one that was copied after its digest was taken."""
    known = asked()
    options = build_candidates(known).options
    calibration = known.calibration
    slower = tuple(edited(f, value=f.value / 2) if f.parameter == "bandwidth" else f for f in calibration.figures)
    assert slower != calibration.figures
    copied = replace(known, calibration=calibration.model_copy(update={"figures": slower}))
    assert build_candidates(copied).options != options
