"""The price of a requirement: with it, without it, and the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from builders import accelerator, instance, node, offer, option, profiled, resolved, site
from gpufleet.errors import InputError
from gpufleet.schema.instance import Budgets, FleetRules, Quota
from gpufleet.schema.workloads import AccuracyFloor, Privacy, Redundancy
from gpufleet.whatif.requirements import REQUIREMENTS, price_requirements, take_away

if TYPE_CHECKING:
    from gpufleet.schema.instance import Instance

FLOOR = (AccuracyFloor(metric="top1", at_least=0.8),)


def question(**asked: Any) -> Instance:
    """9 requests/s. Single nodes: of A at `here` for 4 USD, of B at `cloud` for 1, 3 requests/s each; the coarse form
    on B carries 9."""
    options = [
        option("a", rates={"all": 3.0}, accuracy=FLOOR),
        option("b", "nb", rates={"all": 3.0}, accuracy=FLOOR),
        option("coarse", "nb", rates={"all": 9.0}, accuracy=(FLOOR[0].model_copy(update={"at_least": 0.7}),)),
    ]
    workload = {name: asked.pop(name) for name in ("privacy", "accuracy", "redundancy") if name in asked}
    stock = asked.pop("stock", None)
    return instance(
        [profiled(options, 9.0, **workload)],
        (offer(usd_per_hour=4.0), offer("b", "nb", 1.0, site="cloud", stock=stock)),
        sites=(site(), site("cloud", kind="public_cloud", provider="P")),
        accelerators=(accelerator("A", vendor="V"), accelerator("B", vendor="W")),
        node_types=(node(), node("nb", carries="B")),
        **asked,
    )


@pytest.mark.parametrize(
    ("name", "asked", "usd", "price"),
    [
        ("redundancy", {"redundancy": Redundancy(spare_nodes=1)}, 2.0, 1.0),
        # the coarse form once in the cloud, and 3 nodes here
        ("redundancy", {"redundancy": Redundancy(survive_site_loss=True)}, 13.0, 12.0),
        ("privacy", {"privacy": Privacy(locations="on_prem")}, 12.0, 11.0),
        ("accuracy", {"accuracy": FLOOR}, 3.0, 2.0),
        # half of the accelerators of vendor V at least: one idle
        ("shares", {"rules": FleetRules(max_vendor_share={"W": 0.5})}, 5.0, 4.0),
        ("quotas", {"rules": FleetRules(quotas=(Quota(provider="P", accelerator="B", accelerators=0),))}, 12.0, 11.0),
        ("stock", {"stock": 0}, 12.0, 11.0),
        ("budgets", {"budgets": Budgets(horizon_usd=7.0)}, 1.0, 0.0),
    ],
)
def test_the_price_is_the_difference(name: str, asked: dict[str, Any], usd: float, price: float) -> None:
    whole, (found,) = price_requirements(resolved(question(**asked)), [name])
    assert whole.certificate is not None
    assert whole.certificate.objective_usd == usd
    assert (found.requirement, found.price_usd, found.proven) == (name, price, True)


def test_a_requirement_that_leaves_no_plan_has_no_price() -> None:
    whole, (found,) = price_requirements(resolved(question(budgets=Budgets(horizon_usd=0.5))), ["budgets"])
    assert whole.status == "infeasible"
    assert found.plan.status == "optimal"
    assert found.price_usd is None
    assert not found.proven


def test_each_is_taken_away_alone_and_once() -> None:
    """With spare node and floor 4 USD; without the spare node 3, without the floor 2; without both it would be 1."""
    asked = resolved(question(redundancy=Redundancy(spare_nodes=1), accuracy=FLOOR))
    whole, prices = price_requirements(asked, ["redundancy", "accuracy", "redundancy"])
    assert whole.certificate is not None
    assert whole.certificate.objective_usd == 4.0
    assert {price.requirement: price.price_usd for price in prices} == {"redundancy": 1.0, "accuracy": 2.0}
    assert len(prices) == 2


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_what_is_not_there_cannot_be_taken_away(name: str) -> None:
    with pytest.raises(InputError, match=f"the instance has no {name} to take away"):
        take_away(resolved(question()), name)


def test_the_message_says_what_there_is() -> None:
    asked = resolved(question(accuracy=FLOOR, stock=3))
    with pytest.raises(InputError, match="it has: accuracy, stock"):
        take_away(asked, "privacy")
