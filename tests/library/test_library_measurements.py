"""Measurements files: where they are found, what they change in the digest, and what they must cover."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from builders import NET, edited, instance, node, offer, resolved, site
from gpufleet import load_instance
from gpufleet.errors import InputError
from gpufleet.library import Library, measurements_text, write_instance
from gpufleet.schema.workloads import SLO, ItemClass, RequestServing, Training
from measured import LM, chat, row

if TYPE_CHECKING:
    from gpufleet.schema.measurements import Measurement
    from gpufleet.schema.resolved import ResolvedInstance

ROWS = [row(8, 4.0, ttft_p99_ms=40.0), row(32, 8.0, ttft_p99_ms=80.0, as_of="2026-01-31")]


def loaded(folder: Path, tables: dict[str, list[Measurement]], work: Any = None, **changes: Any) -> ResolvedInstance:
    """Written to files and read back."""
    for name, rows in tables.items():
        (folder / name).write_text(measurements_text(rows))
    models = {"models": (LM, NET), "measurements": tuple(tables)}
    question = instance([work or chat()], [offer()], **{**models, **changes})
    write_instance(question, folder / "question.yaml")
    return load_instance(folder / "question.yaml", Library(()))


def refused(folder: Path, tables: dict[str, list[Measurement]], work: Any = None, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        loaded(folder, tables, work, **changes)
    return str(caught.value).replace(f"{folder}/", "")


def test_files_are_relative_to_the_instance_and_rows_know_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = loaded(tmp_path, {"a.csv": ROWS[:1], "b.csv": ROWS[1:]})
    assert [(p.place, p.row) for p in found.profiles.points] == [("a.csv:2", ROWS[0]), ("b.csv:2", ROWS[1])]
    monkeypatch.chdir(tmp_path.parent)
    again = load_instance(Path(tmp_path.name) / "question.yaml", Library(()))
    assert again.profiles == found.profiles


def test_the_digest_is_about_rows_not_files(tmp_path: Path) -> None:
    one = loaded(tmp_path, {"a.csv": ROWS}).digest
    assert loaded(tmp_path, {"b.csv": ROWS[1:], "a.csv": ROWS[:1]}).digest == one
    assert loaded(tmp_path, {"a.csv": ROWS[:1]}).digest != one
    assert loaded(tmp_path, {"a.csv": [ROWS[0], edited(ROWS[1], ttft_p99_ms=81.0)]}).digest != one
    assert loaded(tmp_path, {"a.csv": ROWS}, measurements_policy="model").digest != one


def test_the_same_point_twice_is_no_contradiction(tmp_path: Path) -> None:
    again = edited(ROWS[0], source="another report", note="the same run")
    assert len(loaded(tmp_path, {"a.csv": ROWS, "b.csv": [again]}).profiles.points) == 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROWS[0], edited(ROWS[0], requests_per_s=5.0)], "a.csv:3: requests_per_s: 5 here, 4 at a.csv:2"),
        ([ROWS[0], edited(ROWS[1], engine="engine 2")], "a.csv:3: engine: engine 2 here, engine 1.0 at a.csv:2"),
        ([edited(ROWS[0], tensor=3)], "a.csv:2: tensor: 3 does not divide the 8 heads of lm"),
        ([edited(ROWS[0], pipeline=16)], "a.csv:2: pipeline: 16 is more than the 8 stages of lm"),
        ([edited(ROWS[0], expert=2, tensor=2)], "a.csv:2: expert: 2 must divide tensor x data and the 0 experts of lm"),
        (
            [edited(ROWS[0], node_type="n2", accelerator="B")],
            "a.csv:2: node_type: n2 carries A, but the row is about B",
        ),
        ([edited(ROWS[0], model="net", variant="fp32")], "a.csv:2: model: net is a convolutional and has no tokens"),
    ],
)
def test_rows_that_contradict(tmp_path: Path, rows: list[Measurement], message: str) -> None:
    assert message in refused(tmp_path, {"a.csv": rows})


def test_every_file_once(tmp_path: Path) -> None:
    message = refused(tmp_path, {"a.csv": ROWS}, measurements=("a.csv", "a.csv"))
    assert "measurements[1]: a.csv is listed already; list every file once" in message


def test_the_policy_decides_about_classes_outside(tmp_path: Path) -> None:
    work = chat(sizes=((100, 50), (900, 50)))
    for policy in ("strict", "only"):
        message = refused(tmp_path, {"a.csv": ROWS}, work, measurements_policy=policy)
        assert "workloads[0].classes[1]: class c1 has 900 input and 50 output tokens, but lm bf16 on A" in message
        assert "was measured with 100 input tokens and 50 output tokens" not in message
        assert "was measured with 100 input and 50 output tokens; measure it, remove these rows, or" in message
    assert loaded(tmp_path, {"a.csv": ROWS}, work, measurements_policy="model").profiles.policy == "model"


def test_only_what_the_workload_may_use_must_cover_it(tmp_path: Path) -> None:
    other = chat(sizes=((900, 50),))
    rows = {"a.csv": ROWS}
    assert "class c0" in refused(tmp_path, rows, other)
    assert loaded(tmp_path, rows, edited(other, precisions=("fp8",)))
    assert loaded(tmp_path, {"a.csv": [edited(r, node_type="n2") for r in ROWS]}, other), "no offer has n2"


def test_no_common_load_between_sizes(tmp_path: Path) -> None:
    rows = [row(8, 4.0), row(32, 2.0, input_tokens=400)]
    message = refused(tmp_path, {"a.csv": rows}, chat(sizes=((200, 50),)))
    assert (
        "the sizes around it were measured at no common load for lm bf16 on A (tensor 1; a.csv:2 and 1 more)" in message
    )


@pytest.mark.parametrize(("percentile", "columns"), [(95.0, "ttft_p95_ms or ttft_p99_ms"), (99.9, "go up to p99")])
def test_percentiles_that_an_slo_needs(tmp_path: Path, percentile: float, columns: str) -> None:
    bound = SLO(metric="ttft", percentile=percentile, limit_ms=100.0)
    rows = [ROWS[0], edited(ROWS[1], ttft_p99_ms=None, ttft_p50_ms=10.0)]
    message = refused(tmp_path, {"a.csv": rows}, chat((bound,)))
    assert "a.csv:3" in message
    assert columns in message
    elsewhere = edited(bound, classes=("c1",))
    assert loaded(tmp_path, {"a.csv": ROWS}, chat((), sizes=((100, 50),)))
    covered = chat((elsewhere,), sizes=((100, 50), (900, 50)))
    assert loaded(tmp_path, {"a.csv": rows}, covered, measurements_policy="model"), "c1 is not measured at all"


def net_row(**changes: Any) -> Measurement:
    fields = {"model": "net", "variant": "fp32", "input_tokens": None, "output_tokens": None, "batch": 8}
    return row(**{"concurrency": None, "requests_per_s": None, **fields, **changes})


def test_request_serving_needs_one_order(tmp_path: Path) -> None:
    work = RequestServing(
        name="w", kind="request_serving", model="net", classes=(ItemClass(name="c", requests_per_s=1.0),)
    )
    first = net_row(items=1, requests_per_s=9.0, offered_per_s=9.0)
    assert loaded(tmp_path, {"a.csv": [first]}, work)
    mixed = [first, net_row(items=1, requests_per_s=10.0, concurrency=4.0)]
    assert "a.csv:3: concurrency: given here or at a.csv:2, but not in both" in refused(
        tmp_path, {"a.csv": mixed}, work
    )


def test_training_needs_its_global_batch(tmp_path: Path) -> None:
    work = Training(
        name="w", kind="training", model="net", samples=100.0, epochs=1.0, global_batch=64, deadline_days=9.0
    )
    own = net_row(samples_per_s=1.0, global_batch=64)
    assert loaded(tmp_path, {"a.csv": [own]}, work)
    message = refused(tmp_path, {"a.csv": [edited(own, global_batch=32)]}, work)
    assert (
        "workloads[0].global_batch: 64, but net fp32 on A (tensor 1; a.csv:2) was measured with 32; measure" in message
    )


def test_a_service_is_measured_as_one(tmp_path: Path) -> None:
    """Members are checked under their own names, and merged with their sizes."""
    first, second = (
        edited(chat(sizes=(size,)), name=name, service="s") for name, size in (("a", (100, 50)), ("b", (900, 50)))
    )
    question = {"models": (LM,), "measurements": ("a.csv",)}
    (tmp_path / "a.csv").write_text(measurements_text(ROWS))
    write_instance(instance([first, second], [offer()], **question), tmp_path / "s.yaml")  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"workloads\[1\].classes\[0\]: class c0 has 900"):
        load_instance(tmp_path / "s.yaml", Library(()))


def test_nothing_is_read_without_measurements() -> None:
    plain = resolved(instance([chat()], [offer()], models=(LM,), sites=(site(),), node_types=(node(),)))  # type: ignore[list-item]
    assert plain.profiles.points == ()
