"""Options that say what scenarios are drawn from."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.scenarios.settings import ScenarioSettings


class Factors(click.ParamType[tuple[float, float]]):
    """Two factors, the smaller one first."""

    name = "factors"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """`1.0:1.5` to (1.0, 1.5); `1.2` to (1.2, 1.2)."""
        if not isinstance(value, str):
            return tuple(value)
        try:
            numbers = [float(part) for part in value.split(":")]
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 2) or not 0 <= numbers[0] <= numbers[-1] < float("inf"):
            self.fail(f"{value!r} is no range of factors; write them as in 1.0:1.5, the smaller one first", param, ctx)
        return numbers[0], numbers[-1]


class Share(click.ParamType[float]):
    """A share, in percent or as a fraction."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`5%` and `0.05` to 0.05."""
        if not isinstance(value, str):
            return float(value)
        text = value.strip()
        try:
            # in decimals, so that 5 % of 200 are 10 and not a little less
            share = float(Decimal(text[:-1]) / 100 if text.endswith("%") else Decimal(text))
        except InvalidOperation:
            share = -1.0
        if not 0 <= share < 1:
            self.fail(f"{value!r} is no share below 100 %; write it as in 5% or 0.05", param, ctx)
        return share


def scenario_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--samples`, `--seed`, `--demand` and `--availability`, for a command without such options of its own."""
    command = range_options(command)
    seed = click.option(
        "--seed", type=click.IntRange(0, 2**30), default=1, show_default=True, help="What they are drawn with."
    )
    samples = click.option(
        "--samples", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Scenarios."
    )
    return samples(seed(command))


def range_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--demand` and `--availability`."""
    availability = click.option(
        "--availability",
        type=click.FloatRange(0, 1),
        help="Share of its time that a node is there.  [default: 0.9962, assumed]",
    )
    demand = click.option(
        "--demand",
        type=Factors(),
        metavar="LOW:HIGH",
        help="Factor on all rates, uniform between the two.  [default: 1.0:1.5]",
    )
    return demand(availability(command))


def settings_of(
    samples: int, seed: int, demand: tuple[float, float] | None, availability: float | None
) -> ScenarioSettings:
    """The settings that the options say."""
    from gpufleet.scenarios.settings import AVAILABILITY, DEMAND, ScenarioSettings

    there = AVAILABILITY if availability is None else availability
    return ScenarioSettings(samples, seed, DEMAND if demand is None else demand, there)
