"""Names of variables and rows that a person can read and every solver takes.

Each starts with the name of docs/formulation.md (`n_0_3`, `demand_0`), which also makes it unique and is what
certificates say; after it stand the words of the instance. LP files allow neither `-` nor spaces, some readers no more
than 100 characters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.exporting.meanings import Meaning
    from gpufleet.optimize.formulation.linear_model import Row, Variable
    from gpufleet.problem.data import Problem

MOST_CHARACTERS = 100
"""CBC's reader of LP files refuses longer names."""
OF_WORKLOADS = frozenset(
    {"demand", "serve", "carry", "replicas", "least", "start", "one_at_a_time", "left_out", "without", "elsewhere"}
)
"""Rows whose first number is that of a workload's part in a period."""
OF_POOLS = frozenset({"pool", "partition", "spare"})
_ROW = re.compile(r"([a-z_]+?)_(\d+)")


def variable_name(variable: Variable, meaning: Meaning) -> str:
    """E.g. `n_0_3.replicas.assistant.bank_cloud.a30_4x_2u.int8_ptq.tp1.b256`."""
    return _cleaned([variable.name, *meaning.parts])


def row_name(problem: Problem, row: Row) -> str:
    """E.g. `demand_0.assistant.22h`; `least_` of orders is about an offer and keeps its number alone."""
    found = _ROW.match(row.name)
    kind, number = (found[1], int(found[2])) if found else ("", 0)
    if kind in OF_WORKLOADS and row.family != "orders":
        part = problem.workloads[number]
        now = problem.periods[part.period]
        return _cleaned([row.name, part.name, now.name or "", now.stage_name or ""])
    if kind in OF_POOLS:
        return _cleaned([row.name, problem.pools[number].name])
    if found and row.family == kind and number < len(problem.limits) and problem.limits[number].family == kind:
        return _cleaned([row.name, problem.limits[number].name])
    return _cleaned([row.name])


def _cleaned(parts: list[str]) -> str:
    words = ".".join(re.sub(r"[^A-Za-z0-9_.]+", "_", part).strip("_") for part in parts if part)
    return words[:MOST_CHARACTERS].rstrip("._")
