"""The nodes of one question with other replicas: a plan of another one, or none."""

from __future__ import annotations

from sweep_samples import many_hours

from builders import resolved
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_rates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.solving import solve_fully
from gpufleet.verification import verify
from gpufleet.whatif.sharing import Adoption, fleet_of

LIMITS = SolverLimits(20.0)


def test_nodes_of_a_harder_question_serve_with_fewer_replicas_and_of_an_easier_one_not_always() -> None:
    served = refused = 0
    for seed in range(6):
        harder = resolved(many_hours(seed))
        easier = with_rates(harder, ("a", "b"), 0.5)
        for asked, other in ((easier, harder), (harder, easier)):
            solved = solve_fully(other, build_candidates(other), LIMITS)
            fleet = fleet_of(solved.problem, build_candidates(other), solved.result)
            assert fleet is not None
            found = Adoption(asked, build_candidates(asked), LIMITS).refitted(fleet.nodes, 0)
            if found is None:
                assert asked is harder
                refused += 1
                continue
            served += 1
            assert verify(asked, found.plan).ok
            assert found.result.objective == solved.result.objective
            # what is proven to cost more cannot be this question's bound
            above = (found.result.objective or 0) + 1
            assert Adoption(asked, build_candidates(asked), LIMITS).refitted(fleet.nodes, above) is None
    assert served >= 6
    assert refused >= 3
