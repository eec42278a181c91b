"""LP, MPS and start files, digit by digit.

Written here because the writers at hand round: PuLP's to 12 digits, MathOpt's to 6, and money in millionths of a dollar
needs more. Two forms:

scaled   shares are fractions of a class's requests, continuous between 0 and 1; each row is divided by what its numbers
         have in common and by a power of ten, so that its largest coefficient is below 10. For solvers in floating
         point, whose tolerances then mean the same everywhere.
exact    whole numbers throughout, as our own CP-SAT sees them: shares count in 1/10,080. CBC calls wrong plans optimal
         in this form (docs/decisions.md), HiGHS and SCIP take it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.exporting.program import Program
    from gpufleet.optimize.formulation.linear_model import Row, Variable

WIDTH = 250
"""Characters a line; CPLEX takes 560."""
MICRO = 6
"""Decimals of a dollar."""


def decimal(value: int, places: int) -> str:
    """An integer divided by a power of ten, exactly and without needless zeros."""
    whole, part = divmod(abs(value), 10**places)
    text = f"{whole}.{part:0{places}}".rstrip("0").rstrip(".") if places else str(whole)
    return f"-{text}" if value < 0 else text


@dataclass(frozen=True)
class RowText:
    """A row in figures."""

    terms: tuple[tuple[int, str], ...]
    """(variable, coefficient)."""
    lower: str | None
    upper: str | None
    span: str | None
    """Between two different sides."""

    @property
    def sense(self) -> str:
        """As in MPS; a row with two different sides is one of `G`."""
        if self.lower is not None and self.lower == self.upper:
            return "E"
        return "L" if self.lower is None else "G"


class Writer:
    """The program's numbers as text, in one of the two forms."""

    def __init__(self, program: Program, *, exact: bool) -> None:
        self.program = program
        self.exact = exact

    def is_continuous(self, variable: Variable) -> bool:
        """Is it a share, in the scaled form?"""
        return variable.kind == "share" and not self.exact

    def unit(self, variable: Variable) -> int:
        """What 1 means in the file, in units of the model."""
        return variable.upper if self.is_continuous(variable) and variable.upper else 1

    def row(self, row: Row) -> RowText:
        """A row's numbers, divided by what they have in common and then by a power of ten."""
        variables = self.program.model.variables
        wide = [(index, value * self.unit(variables[index])) for index, value in row.terms]
        values = [value for _, value in wide]
        divisor = 1 if self.exact else math.gcd(*values, row.lower or 0, row.upper or 0) or 1
        places = 0 if self.exact else len(str(max(map(abs, values), default=divisor) // divisor)) - 1
        sides = [None if side is None else decimal(side // divisor, places) for side in (row.lower, row.upper)]
        span = (row.upper or 0) - (row.lower or 0)
        is_range = None not in sides and span > 0
        texts = tuple((index, decimal(value // divisor, places)) for index, value in wide)
        return RowText(texts, sides[0], sides[1], decimal(span // divisor, places) if is_range else None)

    def header(self) -> list[str]:
        """What whoever opens the file must know."""
        program, count = self.program, len(self.program.model.variables)
        form = EXACT if self.exact else SCALED
        return [
            f"Integer program of {program.instance}: {program.title}",
            f"written by gpufleet {__version__}; {count:,} variables, {len(program.model.rows):,} rows",
            f"instance digest {program.digest}",
            "Objective: cost over the horizon in USD, without a constant.",
            *form,
            "Names: the symbol of docs/formulation.md, then the words of the instance, with _ for other characters.",
            *program.notes,
        ]


SCALED = (
    "Rows are divided by powers of ten; capacities were rounded down, demand and loads up (docs/formulation.md).",
    "Shares are fractions of a class's requests, here continuous; gpufleet keeps to multiples of 1/10,080.",
)
EXACT = (
    "Rows are in whole numbers; capacities were rounded down, demand and loads up (docs/formulation.md).",
    "Shares count in 1/10,080 of a class's requests.",
)


def lp_text(program: Program, *, exact: bool = False) -> str:
    """The program in CPLEX LP format; `exact` in whole numbers throughout."""
    writer = Writer(program, exact=exact)
    names, variables = program.variables, program.model.variables
    lines = [*(f"\\ {line}" for line in writer.header()), "Minimize", *_wrapped(" cost:", _objective(program))]
    lines.append("Subject To")
    for row, name in zip(program.model.rows, program.rows, strict=True):
        lines += _lp_row(writer, row, name)
    lines.append("Bounds")
    for variable, name in zip(variables, names, strict=True):
        unit = writer.unit(variable)
        lines.append(f" {variable.lower // unit} <= {name} <= {variable.upper // unit}")
    whole = [name for v, name in zip(variables, names, strict=True) if not writer.is_continuous(v)]
    return "\n".join([*lines, "Generals", *(f" {name}" for name in whole), "End"]) + "\n"


def _objective(program: Program) -> Iterator[str]:
    """A program that costs nothing still has an objective, or some readers stumble."""
    costs = program.model.objective or {0: 0}
    return (f"{_signed(decimal(cost, MICRO))} {program.variables[index]}" for index, cost in costs.items())


def _signed(number: str) -> str:
    return number if number.startswith("-") else f"+{number}"


def _lp_row(writer: Writer, row: Row, name: str) -> Iterator[str]:
    """A row with two sides becomes two rows; one without terms (nothing can serve it) keeps a zero."""
    text = writer.row(row)
    terms = [f"{_signed(value)} {writer.program.variables[index]}" for index, value in text.terms or ((0, "0"),)]
    if text.sense == "E":
        yield from _wrapped(f" {name}:", [*terms, f"= {text.lower}"])
        return
    if text.lower is not None:
        yield from _wrapped(f" {name}{'.least' if text.span else ''}:", [*terms, f">= {text.lower}"])
    if text.upper is not None:
        yield from _wrapped(f" {name}{'.most' if text.span else ''}:", [*terms, f"<= {text.upper}"])


def _wrapped(start: str, words: Iterable[str]) -> Iterator[str]:
    """Terms in lines that every reader takes; a term is never broken."""
    line = start
    for word in words:
        if len(line) + len(word) + 1 > WIDTH:
            yield line
            line = "  "
        line += f" {word}"
    yield line


def mps_text(program: Program, *, exact: bool = False) -> str:
    """The program in free MPS format; `exact` in whole numbers throughout."""
    writer = Writer(program, exact=exact)
    rows = [(writer.row(row), name) for row, name in zip(program.model.rows, program.rows, strict=True)]
    lines = [*(f"* {line}" for line in writer.header()), "NAME gpufleet", "ROWS", " N cost"]
    lines += [f" {row.sense} {name}" for row, name in rows]
    lines += ["COLUMNS", *_columns(writer, rows), "RHS"]
    lines += [f" RHS {name} {side}" for row, name in rows if (side := row.lower or row.upper) not in (None, "0")]
    ranges = [f" RANGES {name} {row.span}" for row, name in rows if row.span is not None]
    lines += ["RANGES", *ranges] if ranges else []
    lines.append("BOUNDS")
    for variable, name in zip(program.model.variables, program.variables, strict=True):
        unit = writer.unit(variable)
        lines += [f" LO BOUND {name} {variable.lower // unit}", f" UP BOUND {name} {variable.upper // unit}"]
    return "\n".join([*lines, "ENDATA"]) + "\n"


def _columns(writer: Writer, rows: list[tuple[RowText, str]]) -> Iterator[str]:
    """Variable by variable, integer ones between markers."""
    program = writer.program
    entries: list[list[str]] = [[] for _ in program.variables]
    for index, cost in program.model.objective.items():
        entries[index].append(f"cost {decimal(cost, MICRO)}")
    for row, name in rows:
        for index, value in row.terms:
            entries[index].append(f"{name} {value}")
    whole, markers = False, 0
    for variable, name, column in zip(program.model.variables, program.variables, entries, strict=True):
        if whole == writer.is_continuous(variable):
            whole, markers = not whole, markers + 1
            yield f" M{markers} 'MARKER' '{'INTORG' if whole else 'INTEND'}'"
        yield from (f" {name} {entry}" for entry in column or ["cost 0"])
    if whole:
        yield f" M{markers + 1} 'MARKER' 'INTEND'"


def start_text(program: Program, *, exact: bool = False) -> str:
    """The plan's values as a MIP start, one `name value` a line (Gurobi's .mst), for the file of the same form."""
    assert program.start is not None
    writer = Writer(program, exact=exact)
    lines = [f"# MIP start of {program.instance}, the plan at {program.start_usd:.6f} USD"]
    for variable, name, value in zip(program.model.variables, program.variables, program.start, strict=True):
        unit = writer.unit(variable)
        lines.append(f"{name} {value / unit if unit > 1 else value}")
    return "\n".join(lines) + "\n"
