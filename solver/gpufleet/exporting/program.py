"""The integer program of an instance with readable names, and, from a plan, values to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.errors import InputError, InputProblem
from gpufleet.exporting.meanings import MEANING_FIELDS, Meaning, meanings
from gpufleet.exporting.names import row_name, variable_name
from gpufleet.exporting.start import held_levels, start_values
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem

if TYPE_CHECKING:
    import pandas

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class Program:
    """What `solve` solves, ready to be written for another solver."""

    instance: str
    """`uid` of the instance."""
    title: str
    digest: str
    """Digest of the resolved instance."""
    model: LinearModel
    """Whole numbers; the objective in micro-USD, without a constant."""
    variables: tuple[str, ...]
    """Readable names, in the order of the model."""
    rows: tuple[str, ...]
    """The same of rows."""
    meanings: tuple[Meaning, ...]
    """What the variables stand for."""
    start: tuple[int, ...] | None
    """The plan's values, which keep every row; None without a plan, or where `start_note` says why not."""
    start_note: str | None = None
    """Why the plan gave no start."""
    notes: tuple[str, ...] = ()
    """What a reader must know."""

    @property
    def start_usd(self) -> float | None:
        """Objective at the start, USD."""
        if self.start is None:
            return None
        return self.model.value(self.model.objective, list(self.start)) / 10**6

    def variables_frame(self) -> pandas.DataFrame:
        """One row per variable: name, bounds, price, the plan's value, and what it stands for."""
        import pandas  # slow to import, and not needed to write the program

        columns = ("name", "lower", "upper", "usd_per_unit", "start", *MEANING_FIELDS)
        return pandas.DataFrame(self._rows(), columns=list(columns))

    def _rows(self) -> list[dict[str, object]]:
        return [
            {
                "name": name,
                "lower": variable.lower,
                "upper": variable.upper,
                "usd_per_unit": self.model.objective.get(variable.index, 0) / 10**6,
                "start": "" if self.start is None else self.start[variable.index],
                **{field: getattr(meaning, field) for field in MEANING_FIELDS},
            }
            for name, variable, meaning in zip(self.variables, self.model.variables, self.meanings, strict=True)
        ]


def export_program(resolved: ResolvedInstance, plan: Plan | None = None) -> Program:
    """The integer program that `solve` builds from an instance: every row, every variable, no rounding beyond its own.

    With a plan for the instance, also that plan's values, checked row by row. Where demand may stay unserved
    (`allow_unserved`), several objectives are minimised one after the other, which no such file can say; a plan is then
    needed, and the program holds what it serves. Raises InputError without one, and for input that cannot be solved.
    """
    candidates = build_candidates(resolved)
    problem = build_problem(resolved, candidates)
    if problem.service and (plan is None or not plan.nodes):
        raise InputError([_needs_a_plan(resolved)])
    model, variables = build_model(problem)
    notes = []
    if plan is not None and problem.service:
        held_levels(problem, model, variables, plan)
        notes.append("What the plan leaves unserved is held: rows level_0, level_1, ... by priority.")
    if plan is not None and plan.robust is not None:
        notes.append("The plan was bought for scenarios of demand and failures; this program does not hold them.")
    found = start_values(problem, candidates, model, variables, plan) if plan is not None else None
    meant = meanings(problem, candidates, model, variables)
    return Program(
        instance=resolved.instance.uid,
        title=resolved.instance.title,
        digest=resolved.digest,
        model=model,
        variables=tuple(variable_name(v, m) for v, m in zip(model.variables, meant, strict=True)),
        rows=tuple(row_name(problem, row) for row in model.rows),
        meanings=meant,
        start=None if found is None or found.values is None else tuple(found.values),
        start_note=None if found is None else found.note,
        notes=tuple(notes),
    )


def _needs_a_plan(resolved: ResolvedInstance) -> InputProblem:
    message = (
        "what stays unserved is minimised before the cost, which no LP or MPS file can say; give a plan as well "
        "(gpufleet solve ... --out plan.yaml), whose service the program then holds, or leave allow_unserved out"
    )
    return InputProblem(resolved.path, resolved.line_of(("allow_unserved",)) or 0, "allow_unserved", message)
