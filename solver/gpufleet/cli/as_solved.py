"""What a command about a plan must know of how it was solved: the options that changed FILE then, as one argument."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from gpufleet.cli.common import counting_on, library_option, overlay_option, performance_option, source_option
from gpufleet.cli.edit_options import edit_options, load_question
from gpufleet.cli.migration_options import migration_options, moved_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.measurements import PerformanceSource
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class AsSolved:
    """How FILE was changed when the plan was made; by default not at all."""

    sets: tuple[str, ...]
    scales: tuple[str, ...]
    performance: str | None
    today: str | None
    move_cost: dict[str, float] | None
    performance_source: PerformanceSource | None
    libraries: tuple[str, ...]

    def of(self, file: str) -> ResolvedInstance:
        """The question that the plan answers."""
        edited = load_question(file, self.libraries, self.sets, self.scales, self.performance_source)
        resolved, _ = moved_from(counting_on(edited, self.performance), self.today, self.move_cost)
        return resolved


def as_solved_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--set`, `--scale`, `--performance`, `--from`, `--move-cost`, `--performance-source`, `--overlay`, `--library`,
    which the command gets as `question: AsSolved`."""

    @wraps(command)
    def with_question(**given: Any) -> Any:
        question = AsSolved(**{name: given.pop(name) for name in AsSolved.__dataclass_fields__})
        return command(question=question, **given)

    found: Callable[..., Any] = with_question
    for option in (
        library_option, overlay_option, source_option, migration_options, performance_option, edit_options,
    ):  # fmt: skip
        found = option(found)
    return found
