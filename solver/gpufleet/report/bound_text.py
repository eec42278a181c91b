"""What the prices of a plan prove, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import money, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.confirming import Confirmation


def bound_text(found: Confirmation) -> Iterator[RenderableType]:
    """The bound that was confirmed, the gap that is left, and what else the reader must know."""
    if not found.has_prices:
        yield Text("The plan carries no prices, so its bound cannot be confirmed; `solve --out` writes them.")
        return
    if found.impossible:
        yield Text("Its prices prove that no plan exists.", style="bold red")
        return
    assert found.bound_usd is not None
    what = f"prices, over {found.cases:,} cases that leave out no plan," if found.cases else "prices"
    yield Text(f"Its {what} prove, without a solver: no plan costs less than {money(found.bound_usd)} USD.")
    if found.unserved:
        levels = ", ".join(f"{amount:g}" for amount in found.unserved)
        yield Text(f"That holds for plans that leave no more unserved, by priority: {levels}.")
    if found.gap is not None:
        words = "0: the plan is proven optimal" if found.gap == 0 else percent(found.gap)
        yield Text(f"Confirmed gap: {words}.", style="green")
    if found.stated_bound_usd is not None and found.stated_bound_usd > found.bound_usd:
        yield Text(f"The solver claims more: {money(found.stated_bound_usd)} USD; that cannot be checked here.")
    if found.broken_tree is not None:
        yield Text(f"Its tree of cases is broken and counts for nothing: {found.broken_tree}.", style="yellow")
    if found.ignored:
        rows = ", ".join(found.ignored[:3])
        more = f" and {len(found.ignored) - 3} more" if len(found.ignored) > 3 else ""
        yield Text(f"Prices of rows that this instance does not have count for nothing: {rows}{more}.", style="yellow")
