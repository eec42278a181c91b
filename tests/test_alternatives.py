"""Other fleets, on paper: what tells them apart, what is none, and where the list ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from builders import accelerator, instance, node, offer, option, profiled, resolved
from gpufleet import load_instance, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.errors import VerificationError
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.choice import Approach
from gpufleet.problem.signatures import KnownFleet, PartRules
from gpufleet.solving import solve_candidates
from gpufleet.whatif import alternatives
from gpufleet.whatif.alternatives import find_alternatives
from gpufleet.whatif.signatures import parts_of

if TYPE_CHECKING:
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance


def question(*offers: Offer, rate: float = 9.0, **changes: Any) -> ResolvedInstance:
    """9 requests/s; nodes of A (vendor V) and of B (vendor W) carry 3 each, pairs of A 6."""
    forms = [option(name, name, size, rates={"all": 3.0 * size}) for name, size in (("n1", 1), ("nb", 1), ("n2", 2))]
    return resolved(
        instance(
            [profiled(forms, rate)],
            offers,
            accelerators=(accelerator("A", vendor="V"), accelerator("B", vendor="W")),
            node_types=(node(), node("nb", carries="B"), node("n2", 2)),
            **changes,
        )
    )


RENTED = offer("a", usd_per_hour=1.0)
RESERVED = offer("r", usd_per_hour=1.1, term="reserved_1y")
OTHER = offer("b", "nb", 2.0)
CHEAP = offer("b", "nb", 1.2)


def test_each_is_the_cheapest_of_its_kind_and_the_list_says_why_it_ends() -> None:
    """A rented: 3. One of the three reserved: 3.10; of B: 3.20; both: 3.30; two reserved are no other set."""
    asked = question(RENTED, RESERVED, CHEAP)
    found = find_alternatives(asked, number=3, within=0.12)
    assert found.first is not None
    assert found.first.figures.cost_usd == 3.0
    assert [other.figures.cost_usd for other in found.others] == [3.1, 3.2, 3.3]
    assert [sorted(other.signature) for other in found.others] == [
        ["A on_demand", "A reserved_1y"],
        ["A on_demand", "B on_demand"],
        ["A on_demand", "A reserved_1y", "B on_demand"],
    ]
    assert found.ended == "number"
    assert all(other.proven and verify(asked, other.plan).ok for other in found.others)


def test_a_plan_says_how_far_it_is_from_the_optimum() -> None:
    plan = find_alternatives(question(RENTED, OTHER), within=1.0).others[0].plan
    assert plan.status == "feasible"
    assert plan.certificate is not None
    assert (plan.certificate.objective_usd, plan.certificate.bound_usd) == (4.0, 3.0)
    assert plan.certificate.gap == pytest.approx(0.25)
    assert plan.reason is not None
    assert "proven cheapest of the fleets with other accelerators and terms" in plan.reason


def test_an_equally_cheap_fleet_is_optimal_too() -> None:
    found = find_alternatives(question(RENTED, offer("b", "nb", 1.0)), by="vendor")
    assert {other.plan.status for other in found.others} == {"optimal"}
    assert [other.figures.cost_usd for other in found.others] == [3.0, 3.0]


@pytest.mark.parametrize(
    ("by", "right"),
    [
        ("vendor", [["V", "W"], ["W"]]),
        ("accelerator", [["A", "B"], ["B"]]),
        ("term", [["on_demand", "reserved_1y"], ["reserved_1y"]]),
        ("site", []),
    ],
)
def test_what_tells_fleets_apart_can_be_chosen(by: Any, right: list[list[str]]) -> None:
    found = find_alternatives(question(RENTED, RESERVED, OTHER), by=by, within=9.0)
    assert [sorted(other.signature) for other in found.others] == right
    assert found.ended == "none"


def test_needless_nodes_make_no_other_fleet() -> None:
    """A node of B for a cent cannot replace one of A, and two of them cannot either."""
    asked = question(RENTED, offer("b", "nb", 0.01, stock=2), rate=3.0)
    weak = [option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 0.5})]
    changed = asked.instance.model_copy(update={"workloads": (profiled(weak, 3.0),), "uid": "weak"})
    found = find_alternatives(resolved(changed), within=9.0)
    assert not found.others
    assert found.ended == "none"


def test_the_margin_ends_the_list_and_what_is_beyond_is_known() -> None:
    found = find_alternatives(question(RENTED, OTHER), within=0.3)
    assert not found.others
    assert found.ended == "margin"
    assert found.beyond is not None
    assert found.beyond.figures.cost_usd == 4.0


def test_owned_nodes_do_not_tell_fleets_apart_unless_asked() -> None:
    """One owned node is cheaper to run than a rented one; without it the fleet costs 3 instead of 2.50."""
    owned = offer("o", usd_per_hour=None, term="owned", stock=1, running_usd_per_hour=0.5)
    asked = question(RENTED, owned)
    assert find_alternatives(asked, within=9.0).ended == "none"
    found = find_alternatives(asked, within=9.0, count_owned=True)
    assert [sorted(other.signature) for other in found.others] == [["A on_demand"]]
    assert found.others[0].figures.cost_usd == 3.0


def test_what_serves_less_is_no_alternative() -> None:
    """Two nodes of B serve 6 of 9 requests/s; with one of A all of them."""
    asked = question(RENTED, offer("b", "nb", 1.0, stock=2), allow_unserved=True)
    found = find_alternatives(asked, by="vendor", within=9.0)
    assert [sorted(other.signature) for other in found.others] == [["V", "W"]]
    assert found.ended == "less_service"
    assert found.beyond is not None
    assert found.beyond.signature == {"W"}
    assert found.beyond.plan.unserved


def test_without_a_plan_there_are_no_alternatives() -> None:
    found = find_alternatives(question(offer("a", stock=1)))
    assert found.ended == "no_optimum"
    assert found.first is None


def test_a_share_of_vendors_is_one_more_question() -> None:
    """At most 60 % from one vendor: two of three nodes are too many, so two of each, or 5 of A and B with 2 idle."""
    found = find_alternatives(question(RENTED, OTHER), max_vendor_share=0.6)
    assert found.vendor_share is not None
    assert found.vendor_share.figures is not None
    assert found.vendor_share.figures.cost_usd == 6.0
    assert found.vendor_share.figures.vendors == ("V", "W")
    one = find_alternatives(question(RENTED), max_vendor_share=0.6).vendor_share
    assert one is not None
    assert one.plan.status == "infeasible"


def test_figures_are_those_of_the_plan() -> None:
    bought = offer("n2", "n2", None, term="purchase", capex_usd=8760.0, life_years=1.0)
    found = find_alternatives(question(offer("a", stock=1), bought), within=9.0)
    assert found.first is not None
    assert found.first.figures.purchases_usd == 8760.0
    assert (found.first.figures.nodes, found.first.figures.accelerators, found.first.figures.power_kw) == (2, 3, 2.0)
    assert found.first.figures.utilisation == pytest.approx(1.0)
    assert found.first.figures.slo_slack is None


def test_a_fleet_that_is_no_other_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = alternatives.solve_candidates

    def forgetful(*given: Any, parts: Any = None) -> Any:
        return honest(*given)

    monkeypatch.setattr(alternatives, "solve_candidates", forgetful)
    with pytest.raises(VerificationError, match="found before"):
        find_alternatives(question(RENTED, OTHER))


def test_large_costs_do_not_cut_off_the_optimum(backend: str) -> None:
    """Rows of costs in micro-USD with a large M: CP-SAT 9.15 called 510,295.85 USD optimal, because a step of its
    presolve adds up coefficients in 32 bits."""
    asked = load_instance(Path(__file__).parents[1] / "instances" / "estate" / "spot-and-terms.yaml")
    parts = parts_of(asked, "fleet")
    every = frozenset(parts)
    assert len(every) == 5
    known = (KnownFleet(every, 443_864_945_995), KnownFleet(every - {sorted(every)[1]}, 447_990_723_825))
    rules = PartRules(parts, known)
    plan = solve_candidates(asked, build_candidates(asked), SolverLimits(30), Approach(backend), parts=rules)  # type: ignore[arg-type]
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == plan.certificate.bound_usd == 476_360.351007
