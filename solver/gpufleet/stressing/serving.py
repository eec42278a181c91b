"""The most that a fixed fleet serves at one moment of one scenario: a small integer program.

max  sum_w weight_w sum_c share_wc served_wc                 priority by priority, each held before the next

served_wc = sum_k y_wck <= 1                                 share of the class's requests; y only where k serves c
sum_c demand_wc / rate_kc y_wck <= n_k                       replicas carry what they sustain in this scenario
sum_{k on p} a_k n_k + size_p sum_{p' of p} q_p' <= size_p x nodes of p that are up
sum_{k on p'} a_k n_k <= size_p' q_p'                        nodes that run as a partition
sum_k n_k <= max_replicas                                    a training run: 1, and y <= progress_k n_k

n and q are counts; where replicas stay on their nodes, n_k is what is left of them, and the rows of pools fall away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.scenarios.draws import Floats
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.fleet import Moment
    from gpufleet.verification.slices import PoolName

SLACK = 1e-7
"""What a level of service may lose while the next one is solved, for the sake of the solver's tolerances."""


@dataclass(frozen=True)
class Layout:
    """Columns of the program at one moment: replicas by form, nodes by partition, served shares."""

    moment: Moment
    partitions: tuple[PoolName, ...]
    shares: tuple[tuple[int, int], ...]
    """(form, position of the class) of every y."""
    levels: tuple[tuple[float, ...], ...]
    """By priority, the highest first: what each y counts."""

    @property
    def width(self) -> int:
        """Columns in all."""
        return len(self.moment.forms) + len(self.partitions) + len(self.shares)


def layout_of(resolved: ResolvedInstance, moment: Moment) -> Layout:
    """What there is to decide at a moment."""
    shares = tuple(
        (k, c)
        for k, form in enumerate(moment.forms)
        for c, rate in enumerate(form.rates)
        if rate > 0 and moment.demand[form.workload][c] > 0
    )
    kinds = dict.fromkeys(f.pool for f in moment.forms if resolved.node_types[f.pool[1]].partition_of is not None)
    priorities = sorted({resolved.workloads[name].priority for name in moment.demand}, reverse=True)
    levels = tuple(tuple(_count(resolved, moment, k, c, priority) for k, c in shares) for priority in priorities)
    return Layout(moment, tuple(kinds), shares, tuple(level for level in levels if any(level)))


def _count(resolved: ResolvedInstance, moment: Moment, k: int, c: int, priority: int) -> float:
    """What a served class counts at a priority: its part of the workload's requests, times the weight."""
    name = moment.forms[k].workload
    workload, asked = resolved.workloads[name], moment.demand[name]
    return workload.unserved_weight * asked[c] / sum(asked) if workload.priority == priority else 0.0


def served(
    resolved: ResolvedInstance,
    layout: Layout,
    rates: Sequence[Floats],
    growth: float,
    up: dict[PoolName, int] | None,
    fixed: Sequence[int] | None = None,
) -> dict[tuple[str, int], float]:
    """Share of every class (workload, position) that is served at best; classes that nothing serves are left out.

    `rates` by form and class in this scenario, `growth` the factor on demand; `up` nodes by pool, or `fixed` replicas.
    """
    model = _Model(resolved, layout, rates, growth, up, fixed)
    values = model.solve()
    found: dict[tuple[str, int], float] = {}
    first = layout.width - len(layout.shares)
    for number, (k, c) in enumerate(layout.shares):
        key = (layout.moment.forms[k].workload, c)
        found[key] = found.get(key, 0.0) + float(values[first + number])
    return {key: min(1.0, value) for key, value in found.items()}


class _Model:
    """Rows as triples, all of the form sum <= side."""

    def __init__(
        self,
        resolved: ResolvedInstance,
        layout: Layout,
        rates: Sequence[Floats],
        growth: float,
        up: dict[PoolName, int] | None,
        fixed: Sequence[int] | None,
    ) -> None:
        self.resolved, self.layout, self.rates, self.growth = resolved, layout, rates, growth
        self.triples: list[tuple[int, int, float]] = []
        self.sides: list[float] = []
        self.upper = np.full(layout.width, np.inf)
        self.lower = np.zeros(layout.width)
        self.upper[layout.width - len(layout.shares) :] = 1.0
        self._serve()
        self._carry()
        if fixed is not None:
            self.lower[: len(fixed)] = self.upper[: len(fixed)] = fixed
        else:
            self._pools(up or {})
            self._most()

    def _row(self, terms: Sequence[tuple[int, float]], side: float) -> None:
        self.triples += [(len(self.sides), column, value) for column, value in terms]
        self.sides.append(side)

    def _columns(self) -> dict[tuple[int, int], int]:
        first = self.layout.width - len(self.layout.shares)
        return {place: first + number for number, place in enumerate(self.layout.shares)}

    def _serve(self) -> None:
        classes: dict[tuple[str, int], list[tuple[int, float]]] = {}
        for (k, c), column in self._columns().items():
            classes.setdefault((self.layout.moment.forms[k].workload, c), []).append((column, 1.0))
        for terms in classes.values():
            self._row(terms, 1.0)

    def _carry(self) -> None:
        by_form: dict[int, list[tuple[int, float]]] = {}
        for (k, c), column in self._columns().items():
            name = self.layout.moment.forms[k].workload
            asked = self.layout.moment.demand[name][c]
            rate = float(self.rates[k][c])
            if isinstance(self.resolved.workloads[name], Training):
                load = 1.0 / min(rate, 1.0)
            else:
                load = asked * self.growth / rate
            by_form.setdefault(k, []).append((column, load))
        for k, terms in by_form.items():
            self._row([*terms, (k, -1.0)], 0.0)

    def _pools(self, up: dict[PoolName, int]) -> None:
        moment, nodes = self.layout.moment, self.resolved.node_types
        rows: dict[PoolName, list[tuple[int, float]]] = {}
        for k, form in enumerate(moment.forms):
            rows.setdefault(form.pool, []).append((k, float(form.accelerators)))
        for number, pool in enumerate(self.layout.partitions):
            column, base = len(moment.forms) + number, nodes[pool[1]].partition_of
            assert base is not None
            rows[pool].append((column, -float(nodes[pool[1]].accelerators)))
            rows.setdefault((pool[0], base, pool[2]), []).append((column, float(nodes[base].accelerators)))
        for pool, terms in rows.items():
            is_partition = nodes[pool[1]].partition_of is not None
            self._row(terms, 0.0 if is_partition else float(nodes[pool[1]].accelerators * up.get(pool, 0)))

    def _most(self) -> None:
        by_workload: dict[str, list[tuple[int, float]]] = {}
        for k, form in enumerate(self.layout.moment.forms):
            by_workload.setdefault(form.workload, []).append((k, 1.0))
        for name, terms in by_workload.items():
            workload = self.resolved.workloads[name]
            most = 1 if isinstance(workload, Training) else workload.max_replicas
            if most is not None:
                self._row(terms, float(most))

    def solve(self) -> Floats:
        """Level by level."""
        counts = self.layout.width - len(self.layout.shares)
        integrality = np.concatenate([np.ones(counts), np.zeros(len(self.layout.shares))])
        values = np.zeros(self.layout.width)
        for number, level in enumerate(self.layout.levels):
            goal = np.concatenate([np.zeros(counts), -np.array(level)])
            result = milp(
                goal,
                constraints=self._constraint(),
                bounds=Bounds(self.lower, self.upper),
                integrality=integrality,
                options={"mip_rel_gap": 0.0},
            )
            assert result.x is not None, f"doing nothing is always possible, but HiGHS says: {result.message}"
            values = result.x
            if number < len(self.layout.levels) - 1:
                terms = [(column, value) for column, value in enumerate(goal) if value]
                self._row(terms, float(goal @ values) + SLACK)
        return values

    def _constraint(self) -> LinearConstraint:
        rows, columns, values = zip(*self.triples, strict=True) if self.triples else ((), (), ())
        matrix = coo_array((values, (rows, columns)), shape=(len(self.sides), self.layout.width)).tocsr()
        return LinearConstraint(matrix, -np.inf, np.array(self.sides))
