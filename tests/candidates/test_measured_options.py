"""Measured options are tried where the grid would not, and rejected by name where they cannot be used."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from builders import accelerator, node
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.schema.models import Runtime
from measured import LM, asked, chat, profiles, row

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.schema.measurements import Profiles


def found(measured: Profiles | None, work: Any = None, **changes: Any) -> Candidates:
    return build_candidates(asked(work or chat(), measured, **changes))


def kept(candidates: Candidates) -> set[tuple[str, str, int]]:
    return {(o.node_type, o.parallelism.label, o.batch) for o in candidates.options["chat"]}


def rejected(candidates: Candidates, rule: str) -> set[tuple[str, str]]:
    return {(r.nearest, str(r.limit)) for r in candidates.rejections.summaries() if r.rule == rule}


FAST = 1e6
"""Faster than the model says of anything."""


def test_the_highest_measured_concurrency_is_a_batch() -> None:
    options = kept(found(profiles([row(8, 5.0), row(96, FAST)])))
    assert ("n1", "tp1", 96) in options
    assert ("n1", "tp1", 80) in kept(found(profiles([row(8, 5.0), row(96, FAST)]), chat(max_batch=80)))
    assert ("n1", "tp1", 97) in kept(found(profiles([row(8, 5.0), row(96.5, FAST)])))


def test_a_measured_parallelism_beyond_the_grid_is_an_option() -> None:
    options = kept(found(profiles([row(8, FAST, data=2)])))
    assert ("n2", "tp1-dp2", 8) in options
    assert {label for _, label, _ in kept(found(None))} <= {"tp1", "tp2", "tp1-pp2"}


def test_a_measured_replica_that_does_not_pack_is_rejected_by_name() -> None:
    """Three accelerators on nodes of 1 pack; on nodes of 2 they do not."""
    candidates = found(profiles([row(8, FAST, data=3)]))
    assert ("n1", "tp1-dp3", 8) in kept(candidates)
    assert rejected(candidates, "replica_size") == {("tp1-dp3/b8", "1, 2 or whole nodes of 2")}


def test_batches_below_the_lowest_measured_load_are_rejected_by_name() -> None:
    candidates = found(profiles([row(8, 5.0), row(32, FAST)]))
    assert rejected(candidates, "measured") == {("tp1/b4", "the batch that was measured, or more")}
    assert candidates.rejections.count("chat", "measured") == 2 * 3, "1, 2 and 4 on two node types"
    assert not rejected(found(profiles([row(8, 5.0), row(32, FAST)], "model")), "measured")


def test_only_leaves_nothing_else() -> None:
    candidates = found(profiles([row(32, 5.0)], "only"))
    assert {label for _, label, _ in kept(candidates)} == {"tp1"}
    assert ("tp1-pp2/b1", "measured") in rejected(candidates, "measured")


def test_memory_and_software_do_not_reject_what_ran() -> None:
    large = LM.model_copy(update={"parameters": 9e9, "runtimes": (Runtime(name="r", vendors=("Other",), source="-"),)})
    assert not kept(found(None, models=(large,)))
    assert kept(found(profiles([row(8, 5.0)]), models=(large,))) == {("n1", "tp1", 8), ("n2", "tp1", 8)}


def test_a_partition_takes_no_measured_replica_of_several_instances() -> None:
    slice_of = node("n1-cut", 7, "A-7th", partition_of="n1", power_kw=None, rack_units=None, network_gb_s=None)
    question = {
        "accelerators": (accelerator(), accelerator("A-7th", memory_gb=4.0)),
        "node_types": (node("n1", 1), node("n2", 2), slice_of),
        "partitions": ("n1-cut",),
    }
    candidates = found(profiles([row(8, 5.0, accelerator="A-7th", data=7)]), **question)
    assert ("tp1-dp7/b8", "at most 1") in rejected(candidates, "replica_size")


@pytest.mark.parametrize("policy", ["strict", "model", "only"])
def test_the_funnel_counts_every_candidate_once(policy: Any) -> None:
    candidates = found(profiles([row(8, 5.0), row(96, 9.0), row(8, 5.0, data=3)], policy))
    steps = list(candidates.funnel)
    for step, following in pairwise(steps):
        assert step.before - step.eliminated == following.before
    assert steps[-1].before == len(candidates.options["chat"]) > 0
