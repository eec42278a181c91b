"""Checks the bound of a plan: instance and prices in, a proven lower bound out, in whole numbers and without a solver.

The integer program is built anew from the instance; what the plan file says about it counts for nothing but the
prices. They weigh the rows, and the bound follows by arithmetic (`optimize.bounds.lagrangian`), so a wrong price can
only prove less. Where a tree of cases comes with them (`optimize.bounds.tree`), the least of its cases counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.bounds.lagrangian import Prices, lower_bound
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.bounds.tree import BrokenTreeError, tree_bound
from gpufleet.optimize.bounds.written import WrittenTree, read
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.formulation.unserved import service_objectives
from gpufleet.problem.build import build_problem
from gpufleet.units import usd
from gpufleet.verification.run import verify

if TYPE_CHECKING:
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.schema.bound import BoundPrices
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class Confirmation:
    """What prices prove about a plan."""

    has_prices: bool
    """Without prices in the plan file, or a fleet, there is nothing to confirm."""
    cost_usd: float | None = None
    """Cost of the plan over the horizon, recomputed from the instance."""
    bound_usd: float | None = None
    """No plan costs less."""
    gap: float | None = None
    """(cost - bound) / cost."""
    stated_bound_usd: float | None = None
    """The bound in the certificate, which is the solver's and can be higher."""
    ignored: tuple[str, ...] = ()
    """Prices of rows that the instance does not have."""
    impossible: bool = False
    """The prices prove that no plan exists at all."""
    unserved: tuple[float, ...] = ()
    """By priority: the bound holds for plans that leave at most this much unserved."""
    cases: int = 0
    """Leaves of the tree of cases that was checked; 0 = prices alone."""
    broken_tree: str | None = None
    """Why the tree of cases counts for nothing."""


def confirm(resolved: ResolvedInstance, plan: Plan) -> Confirmation:
    """Work out the bound that the plan's prices prove, and the gap that is left.

    Raises InputError for an instance that cannot be read as an integer program.
    """
    prices = plan.certificate.prices if plan.certificate is not None else None
    if prices is None:
        return Confirmation(has_prices=False)
    problem = build_problem(resolved, build_candidates(resolved))
    model, variables = build_model(problem)
    for number, (coefficients, most) in enumerate(
        zip(service_objectives(problem, variables), prices.unserved, strict=False)
    ):
        model.add_row("unserved", f"level_{number}", coefficients.items(), upper=most)
    known, ignored = _by_row(model, prices)
    matrix, first = matrix_of(model), Prices(known, prices.denominator)
    bound = lower_bound(matrix, first)
    found = _cases(model, matrix, first, prices)
    if found.checked and bound is not None:
        bound = None if found.bound is None else max(bound, found.bound)
    cost = _cost(resolved, plan) if plan.nodes else None
    bound_usd = None if bound is None else usd(max(bound, 0))
    return Confirmation(
        has_prices=True,
        cost_usd=cost,
        bound_usd=bound_usd,
        gap=None if cost is None or bound_usd is None else max(0.0, (cost - bound_usd) / cost) if cost else 0.0,
        stated_bound_usd=None if plan.certificate is None else plan.certificate.bound_usd,
        ignored=ignored,
        impossible=bound is None,
        unserved=tuple(float(most * level.unit) for most, level in zip(prices.unserved, problem.service, strict=False)),
        cases=found.checked,
        broken_tree=found.broken,
    )


def _cost(resolved: ResolvedInstance, plan: Plan) -> float:
    """Of the fleet, and of the changes that lead to it."""
    report = verify(resolved, plan)
    return round(report.cost_usd + report.moves_usd, 6)


@dataclass(frozen=True)
class _Cases:
    """What a tree proves."""

    checked: int = 0
    bound: int | None = None
    broken: str | None = None


def _cases(model: LinearModel, matrix: Matrix, first: Prices, prices: BoundPrices) -> _Cases:
    """The bound of the plan's tree, if there is one; a broken one counts for nothing."""
    if prices.tree is None:
        return _Cases()
    try:
        tree = read(model, first, WrittenTree(**dict(prices.tree)))
        return _Cases(tree.leaves, tree_bound(matrix, tree))
    except BrokenTreeError as error:
        return _Cases(broken=str(error))


def _by_row(model: LinearModel, prices: BoundPrices) -> tuple[dict[int, int], tuple[str, ...]]:
    """(row to price, names that the model does not know)."""
    positions = {row.name: number for number, row in enumerate(model.rows)}
    known = {positions[name]: price for name, price in prices.rows.items() if name in positions}
    return known, tuple(name for name in prices.rows if name not in positions)
