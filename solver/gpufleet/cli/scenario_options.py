"""Options that say what scenarios are drawn from."""

from __future__ import annotations

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


def scenario_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--samples`, `--seed`, `--demand` and `--availability`, for a command without such options of its own."""
    for option in reversed(
        (
            click.option(
                "--samples", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Scenarios."
            ),
            click.option(
                "--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of the draw."
            ),
            *range_options(),
        )
    ):
        command = option(command)
    return command


def range_options() -> tuple[Callable[..., Any], ...]:
    """`--demand` and `--availability`."""
    return (
        click.option(
            "--demand",
            type=Factors(),
            default="1.0:1.5",
            show_default=True,
            metavar="LOW:HIGH",
            help="Factor on all rates, uniform between the two.",
        ),
        click.option(
            "--availability",
            type=click.FloatRange(0, 1),
            help="Share of its time that a node is there.  [default: 0.9962, assumed]",
        ),
    )


def settings_of(samples: int, seed: int, demand: tuple[float, float], availability: float | None) -> ScenarioSettings:
    """The settings that the options say."""
    from gpufleet.scenarios.settings import AVAILABILITY, ScenarioSettings

    return ScenarioSettings(samples, seed, demand, AVAILABILITY if availability is None else availability)
