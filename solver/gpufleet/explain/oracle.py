"""Answers about many instances that differ in single requirements: candidates are enumerated once for all that share
them, and whether there is a plan is asked for without its cost."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates, pools_of
from gpufleet.candidates.grid import SERVING_NODES_PER_REPLICA, TRAINING_NODES_PER_REPLICA
from gpufleet.candidates.option import Candidates
from gpufleet.candidates.rejection import Rejections
from gpufleet.edits.changes import redigest
from gpufleet.errors import Int64OverflowError
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.questions import has_plan
from gpufleet.problem.build import build_problem
from gpufleet.schema.workloads import Profiled, Redundancy, Training
from gpufleet.solving import hopeless, solve_candidates

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

LEAST_S = 0.1
"""Seconds that a question gets while any time is left."""
Key = tuple[object, ...]


class Oracle:
    """Solves variants of an instance within one time limit for all of them together."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._known: dict[Key, Candidates] = {}
        self.solves = 0
        """Questions asked of a solver so far."""

    @property
    def left_s(self) -> float:
        """Seconds left; 0 when time is up."""
        return max(self._end - time.monotonic(), 0.0)

    def limits(self, share: float = 1.0) -> SolverLimits:
        """For the next question: a share of the time left."""
        return SolverLimits(max(share * self.left_s, LEAST_S))

    def candidates(self, resolved: ResolvedInstance) -> Candidates:
        """As `build_candidates`, workload by workload, from what was enumerated before where that is the same."""
        parts = [self._candidates_of(resolved, workload) for workload in resolved.instance.workloads]
        options = {name: found for part in parts for name, found in part.options.items()}
        return Candidates(options, Rejections(), tuple(step for part in parts for step in part.funnel))

    def _candidates_of(self, resolved: ResolvedInstance, workload: Workload) -> Candidates:
        key = _key(resolved, workload)
        if key not in self._known:
            alone = resolved.instance.model_copy(update={"workloads": (workload,)})
            self._known[key] = build_candidates(replace(resolved, instance=alone))
        return self._known[key]

    def has_plan(self, resolved: ResolvedInstance) -> bool | None:
        """Is there any plan? None where that is not known: time ran out, or numbers leave the 64-bit range."""
        if not self.left_s:
            return None
        candidates = self.candidates(resolved)
        try:
            problem = build_problem(resolved, candidates)
        except Int64OverflowError:
            return None  # without some limit the numbers grow too large; the limit counts as needed, not proven
        if not problem.service and any(hopeless(resolved, problem, candidates)):
            return False
        self.solves += 1
        return has_plan(problem, self.limits())

    def plan(self, resolved: ResolvedInstance, share: float = 1.0) -> Plan | None:
        """The cheapest plan, or what was found of it in this share of the time left; None where time is up, or numbers
        leave the 64-bit range."""
        if not self.left_s:
            return None
        self.solves += 1
        asked = redigest(resolved)
        try:
            candidates = self.candidates(asked)
            return solve_candidates(asked, candidates, self.limits(share))
        except Int64OverflowError:
            return None


def _key(resolved: ResolvedInstance, workload: Workload) -> Key:
    """What the candidates of a workload depend on."""
    most = _longest_span(resolved, workload)
    pools = tuple(
        (pool, None if nodes is None or nodes >= most else nodes) for pool, nodes in pools_of(resolved).items()
    )
    return (
        _for_candidates(workload).model_dump_json(),
        pools,
        resolved.instance.performance,
        resolved.profiles.policy,
        tuple(measure.model_dump_json(exclude={"cost_usd"}) for measure in resolved.instance.measures),
    )


def _longest_span(resolved: ResolvedInstance, workload: Workload) -> float:
    """Nodes of a pool beyond which more of them open up no larger replica."""
    if isinstance(workload, Profiled):
        return max(known.accelerators for known in workload.options)
    if resolved.profiles.points:
        return math.inf
    return TRAINING_NODES_PER_REPLICA if isinstance(workload, Training) else SERVING_NODES_PER_REPLICA


def _for_candidates(workload: Workload) -> Workload:
    """The workload with all fields that enumeration does not look at put to the same."""
    fields: dict[str, object] = {
        "note": None,
        "min_replicas": 0,
        "max_replicas": None if workload.max_replicas is None else 1,
        "redundancy": Redundancy(),
        "max_spot_share": float(workload.max_spot_share > 0),
        "priority": 0,
        "unserved_weight": 1.0,
    }
    if isinstance(workload, Training):
        fields |= {"stages": None, "periods": None, "restart_minutes": 0.0}
    else:
        fields["classes"] = tuple(group.model_copy(update={"requests_per_s": 0.0}) for group in workload.classes)
    return workload.model_copy(update=fields)
