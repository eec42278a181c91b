"""Operating points of aiconfigurator: names, shapes, curves, gaps; with a stand-in, and with the package itself."""

from __future__ import annotations

import importlib.util
import math
from typing import TYPE_CHECKING, Any

import pytest

import fake_aiconfigurator as fake
from builders import EFFICIENCY, NET, accelerator, edited, instance, node, offer, resolved
from gpufleet import load_instance, solve, verify
from gpufleet.errors import InputError, MissingExtraError
from gpufleet.library import Given, Library, measurements_text, modelled_table, write_instance
from gpufleet.library.sources import spread
from gpufleet.library.sources.aiconfigurator import LOADS, budgets, shapes
from gpufleet.library.sources.hf_config import hf_config
from gpufleet.library.sources.names import ENGINES, SYSTEMS, modes_of
from gpufleet.library.sources.points import source_points
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.measurements import Profiles
from gpufleet.schema.models import Decoder, Variant
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import SLO, RequestServing
from measured import LM, chat, row

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.resolved import ResolvedInstance

WIDTH = 4096
HEADS = 2 * 1024 * 128 * (8 + 8)
EXACT = edited(LM, parameters=float(2 * 32000 * 1024 + 1024 + 8 * (HEADS + 2 * 1024 + 3 * 1024 * WIDTH)))
"""`lm` with the parameters of a gated model of this width, to the last one."""
OURS = "performance model, calibration bundled"
LABEL = "aiconfigurator 0.12.0 (trtllm 1.0)"


def asked(work: Any = None, **changes: Any) -> ResolvedInstance:
    given = {"models": (EXACT,), "performance_source": "aiconfigurator"}
    return resolved(instance([work or chat()], [offer("o1", "n1", 1.0)], **{**given, **changes}))


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return fake.install(monkeypatch)


# ------------------------------------------------------------------------------------------------ names and shapes


def test_every_name_of_an_accelerator_is_in_the_catalogue() -> None:
    assert set(SYSTEMS) <= set(Library.open(()).accelerators)


@pytest.mark.parametrize(
    ("name", "width"),
    [("llama-3.1-8b", 14336), ("qwen3-0.6b", 3072), ("mixtral-8x7b", 14336), ("qwen3-30b-a3b", 768)],
)
def test_a_card_that_was_counted_tells_the_width_of_its_blocks(name: str, width: int) -> None:
    """Published config.json: intermediate_size, and moe_intermediate_size of Qwen3 MoE."""
    card = Library.open(()).model(name)
    config = hf_config(card)
    assert config is not None
    assert config["intermediate_size"] == width
    assert isinstance(card.architecture, Decoder)
    assert config.get("num_experts", 0) == card.architecture.experts


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(LM, id="rounded parameters"),
        pytest.param(edited(EXACT, parameters=EXACT.parameters + 1), id="one too many"),
        pytest.param(NET, id="no decoder"),
        pytest.param(Library.open(()).model("gpt-oss-20b"), id="sliding windows"),
        pytest.param(Library.open(()).model("bloom-176b"), id="blocks of two matrices"),
    ],
)
def test_other_cards_do_not(card: Any) -> None:
    assert hf_config(card) is None


@pytest.mark.parametrize(
    ("fields", "modes"),
    [
        ({"precision": "bf16"}, ("bfloat16", "bfloat16")),
        ({"precision": "fp8"}, ("fp8", "fp8")),
        ({"precision": "fp8", "kv_cache": "bf16"}, ("fp8", "bfloat16")),
        ({"precision": "fp4"}, ("nvfp4", "fp8")),
        ({"precision": "int4", "compute": "bf16"}, ("int4_wo", "bfloat16")),
        ({"precision": "int8"}, None),
        ({"precision": "fp8", "kv_cache": "int8"}, None),
    ],
)
def test_precisions(fields: dict[str, Any], modes: tuple[str, str] | None) -> None:
    found = modes_of(EXACT, Variant(name="v", **fields))
    assert (None if found is None else (found.gemm, found.kv_cache)) == modes


def test_replicas_stay_inside_a_node() -> None:
    card = Library.open(()).model("mixtral-8x7b")
    found = list(shapes(card, 4))
    assert all(tensor * pipeline <= 4 and data == 1 for tensor, pipeline, data, _ in found)
    assert {(t, p) for t, p, _, _ in found} == {(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1)}
    assert {e for t, _, _, e in found if t == 4} == {1, 4}
    assert {t for t, *_ in shapes(edited(EXACT), 6)} == {1, 2, 4}


def test_budgets_are_whole_prompts() -> None:
    assert budgets(1000) == [1000, 2000, 4000, 8000]
    assert budgets(20000) == [20000]


# ------------------------------------------------------------------------------------------------ curves


def test_points_say_what_the_package_says(package: list[Any]) -> None:
    """Size 100/50: at load b the smallest budget within a hundredth of the best rate is one prompt: TTFT 11 ms."""
    found = asked().profiles
    assert not found.points
    rows = [point.row for point in found.modelled]
    assert [r.concurrency for r in rows] == [float(b) for b in LOADS if b * 150 <= fake.CACHE_TOKENS]
    (first, *_) = rows
    assert (first.engine, first.modelled, first.node_type) == (LABEL, True, "n1")
    assert first.ttft_mean_ms == 11
    assert first.tpot_mean_ms == 4.1
    assert first.requests_per_s == pytest.approx(1000 / (11 + 49 * 4.1), rel=1e-5)
    assert {model.config["gemm_quant_mode"] for model in package} == {"bfloat16"}
    assert package[0].shape["intermediate_size"] == WIDTH


def test_fewer_requests_than_stages_leave_stages_idle(package: list[Any]) -> None:
    question = asked(node_types=(node("n1", 4),))
    rows = {r.concurrency: r for r in (p.row for p in question.profiles.modelled) if r.shape == (1, 4, 1, 1)}
    alone = 11 + 49 * 4.1
    assert [load for load in rows if load <= 16] == [1, 2, 3, 4, 8, 12, 16]
    assert rows[3].requests_per_s == pytest.approx(3000 / alone, rel=1e-5)
    assert rows[4].requests_per_s == pytest.approx(4000 / alone, rel=1e-5)


def test_percentiles_by_hand() -> None:
    """TTFT 100 ms, half of it an exponential wait; 4 % of the gaps of 30 ms, the others of 10 ms."""
    steps = {"num_mix_steps": 4, "num_genonly_steps": 96, "mix_step_latency_ms": 30, "genonly_step_latency_ms": 10}
    found = spread.latencies({"ttft": 100.0, "tpot": 11.0}, steps, 51)
    assert found["ttft_p99_ms"] == pytest.approx(50 + 50 * math.log(100))
    assert (found["itl_p50_ms"], found["itl_p95_ms"], found["itl_p99_ms"]) == (10, 10, 30)
    assert found["e2e_p90_ms"] == pytest.approx(50 + 50 * math.log(10) + 50 * 11 * 1.1)
    assert found["e2e_mean_ms"] == 650


# ------------------------------------------------------------------------------------------------ in a solve


def test_the_plan_rests_on_it_and_verifies(package: list[Any]) -> None:
    question = asked(chat((SLO(metric="tpot", percentile=95.0, limit_ms=8.0),)))
    plan = solve(question)
    (deployment,) = plan.deployments
    assert (deployment.provenance, deployment.evidence) == ("modelled", LABEL)
    assert verify(question, plan).ok
    other = asked(chat((SLO(metric="tpot", percentile=95.0, limit_ms=8.0),)), performance_source="model")
    assert "figures" in verify(other, plan).broken_rules


def test_the_rate_is_the_highest_on_its_curve_within_the_slo(package: list[Any]) -> None:
    """TPOT (4 + b/10) x 1.15 <= 8.05 ms holds up to b = 30: on the straight line between points 24 and 32."""
    question = asked(chat((SLO(metric="tpot", percentile=95.0, limit_ms=8.05),)))
    rate = {b: 1000 * b / (11 + 49 * (4 + b / 10)) for b in (24, 32)}
    expected = rate[24] + (rate[32] - rate[24]) * 6 / 8
    (deployment,) = solve(question).deployments
    assert deployment.utilisation is not None
    assert deployment.replicas * deployment.utilisation == pytest.approx(10 / expected, rel=1e-4)


def test_own_measurements_win(package: list[Any], tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(measurements_text([row(8, 7.0), row(32, 20.0)]))
    question = instance(
        [chat()], [offer()], models=(EXACT,), measurements=("own.csv",), performance_source="aiconfigurator"
    )
    write_instance(question, tmp_path / "q.yaml")
    found = load_instance(tmp_path / "q.yaml", Library(()))
    (deployment,) = solve(found).deployments
    assert deployment.evidence == "engine 1.0 (own.csv:2-3)"
    assert deployment.provenance == "measured"
    assert deployment.replicas * (deployment.utilisation or 0) == pytest.approx(10 / 20)


def test_a_table_of_modelled_rows_is_a_source_too_and_wins_over_the_package(package: list[Any], tmp_path: Path) -> None:
    rows = [row(load, 7.0, modelled=True, engine="simulator 2") for load in (1, 8)]
    (tmp_path / "theirs.csv").write_text(measurements_text(rows))
    question = instance([chat()], [offer()], models=(EXACT,), measurements=("theirs.csv",))
    write_instance(question, tmp_path / "q.yaml")
    for source in (None, "aiconfigurator"):
        found = load_instance(tmp_path / "q.yaml", Library(()), source)  # type: ignore[arg-type]
        (deployment,) = solve(found).deployments
        assert (deployment.provenance, deployment.evidence) == ("modelled", "simulator 2 (theirs.csv:2-3)")


def test_only_measured_options_means_just_that(package: list[Any], tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(measurements_text([row(8, 7.0, tensor=2)]))
    given: dict[str, Any] = {"models": (EXACT,), "measurements": ("own.csv",), "measurements_policy": "only"}
    question = instance([chat()], [offer()], **given, performance_source="aiconfigurator")
    write_instance(question, tmp_path / "q.yaml")
    assert solve(load_instance(tmp_path / "q.yaml", Library(()))).status == "infeasible"


def test_a_percentile_beyond_its_columns_is_left_to_the_model(package: list[Any]) -> None:
    (deployment,) = solve(asked(chat((SLO(metric="ttft", percentile=99.9, limit_ms=5000.0),)))).deployments
    assert deployment.evidence == OURS


def test_the_digest_follows_source_and_version(package: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one = asked().digest
    assert asked().digest == one
    assert asked(performance_source="model").digest != one
    assert asked(performance_source="aiconfigurator-vllm").digest != one
    monkeypatch.setattr(fake, "ENGINE_VERSION", "2.0")
    assert asked().digest != one


@pytest.mark.parametrize(
    ("work", "changes", "gap"),
    [
        (
            None,
            {"accelerators": (accelerator(), accelerator("C")), "node_types": (node("n1", carries="C"),)},
            "C: no tables for this accelerator",
        ),
        (
            None,
            {"accelerators": (accelerator(), accelerator("B")), "node_types": (node("n1", carries="B"),)},
            "B: no tables of trtllm for this accelerator",
        ),
        (None, {"models": (LM,)}, "lm: the card does not tell the shape of its layers"),
        (
            None,
            {"models": (edited(EXACT, variants=(Variant(name="int8", precision="int8"),)),)},
            "lm int8: no tables for int8 weights with int8 arithmetic",
        ),
        (
            None,
            {"models": (edited(EXACT, variants=(Variant(name="awq", precision="int4", compute="bf16"),)),)},
            "lm awq on A: not in its tables: GEMM data",
        ),
        (chat(sizes=((100, 1),)), {}, "chat: requests of one output token have no time per token"),
        (
            RequestServing(
                name="w", kind="request_serving", model="net", classes=({"name": "c", "requests_per_s": 1.0},)
            ),  # type: ignore[arg-type]
            {"models": (NET,)},
            "w: it covers language serving only",
        ),
    ],
)
def test_what_is_not_covered_is_said_and_modelled(
    package: list[Any], work: Any, changes: dict[str, Any], gap: str
) -> None:
    question = asked(work, **changes)
    assert question.profiles.gaps == (gap,)
    plan = solve(question)
    assert {deployment.evidence for deployment in plan.deployments} == {OURS}
    assert plan.note == f"not covered by aiconfigurator: {gap}"


@pytest.mark.parametrize("of_class", [False, True])
def test_prefix_cache_hits_are_left_to_the_model(package: list[Any], of_class: bool) -> None:
    question = asked()
    changed = chat() if of_class else chat(prefix_cache_hit_fraction=0.5)
    if of_class:
        classes = tuple(edited(group, prefix_cache_hit_fraction=0.5) for group in changed.classes)
        changed = edited(changed, classes=classes)
    hits = question.instance.model_copy(update={"workloads": (changed,)})
    points, gaps = source_points(hits, question.models, question.node_types, Profiles())
    assert (points, gaps) == ((), ("chat: prefix cache hits are not in its tables",))
    (workload,), accelerators = hits.workloads, question.accelerators
    conf = Configurations.of([(Parallelism(), 32)])
    machine = (EXACT, EXACT.variants[0], accelerators["A"], question.node_types["n1"], conf)
    figures = estimate(workload, *machine, efficiency=EFFICIENCY, profiles=question.profiles)  # type: ignore[arg-type]
    assert figures.evidence.tolist() == [OURS]


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    fake.remove(monkeypatch)
    assert asked(performance_source="model").profiles.gaps == ()
    with pytest.raises(MissingExtraError, match=r"pip install 'gpufleet\[aiconfigurator\]'"):
        asked()


def test_a_package_without_a_call_is_as_good_as_none(package: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delattr(sys.modules["aiconfigurator_core.sdk.models"], "get_model")
    with pytest.raises(MissingExtraError, match="get_model"):
        asked()


# ------------------------------------------------------------------------------------------------ tables by hand


def given(**changes: Any) -> Given:
    fields = {"model": "llama-3.1-8b", "variant": "bf16", "accelerator": "A", "input_tokens": 100, "output_tokens": 50}
    return Given(**{**fields, **changes})


def test_a_table_by_hand_has_one_curve_a_size(package: list[Any]) -> None:
    rows = modelled_table(Library.open(()), given(), "trtllm", (1, 2))
    assert {r.tensor for r in rows} == {1, 2}
    assert all(r.modelled and r.engine == LABEL for r in rows)


def test_published_configurations_are_read_where_the_package_has_them(package: list[Any]) -> None:
    """Without modes of ours: the configuration says them. Of what it lacks, nothing is downloaded."""
    rows = modelled_table(Library.open(()), given(model="gpt-oss-20b", variant="mxfp4"), "trtllm", (2,))
    assert rows
    (built,) = package
    assert built.shape == fake.PUBLISHED["openai/gpt-oss-20b"]
    assert (built.config["gemm_quant_mode"], built.config["moe_tp"], built.config["moe_ep"]) == (None, 2, 1)
    with pytest.raises(InputError, match="the card does not tell the shape of its layers"):
        modelled_table(Library.open(()), given(model="deepseek-v3", variant="fp8"), "trtllm", (8,))


def test_a_published_configuration_of_another_model_is_not_taken(
    package: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fake.PUBLISHED["openai/gpt-oss-20b"], "layers", 36)
    with pytest.raises(InputError, match="the card does not tell the shape of its layers"):
        modelled_table(Library.open(()), given(model="gpt-oss-20b", variant="mxfp4"), "trtllm", (1,))


@pytest.mark.parametrize(
    ("changes", "tensors", "message"),
    [
        ({"model": "llama-3.1-8c"}, (1,), "model: unknown model 'llama-3.1-8c'; did you mean llama-3.1-8b"),
        ({"model": "resnet-50"}, (1,), "model: resnet-50 is a convolutional"),
        ({"variant": "bf61"}, (1,), "variant: llama-3.1-8b has no variant 'bf61'"),
        ({"output_tokens": None}, (1,), "input_tokens: give --input-tokens and --output-tokens"),
        ({"output_tokens": 1}, (1,), "output_tokens: a request of one output token"),
        ({"input_tokens": 200_000}, (1,), "input_tokens: 200050 tokens are more than the 131072"),
        ({}, (3,), "tensor: 3 does not divide the 32 heads"),
        ({"accelerator": "Z"}, (1,), "accelerator: llama-3.1-8b bf16 on Z with tensor 1 is not covered"),
        ({"input_tokens": 40_000}, (1,), "tensor: the model does not fit"),
    ],
)
def test_tables_that_cannot_be_made(
    package: list[Any], changes: dict[str, Any], tensors: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        modelled_table(Library.open(()), given(**changes), "trtllm", tensors)
    assert f"aiconfigurator: {message}" in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("aiconfigurator_core") is None, reason="aiconfigurator is not installed")
@pytest.mark.filterwarnings("ignore")
def test_the_package_itself_answers() -> None:
    """Rates rise with the load, and lie between those of an idle replica and what the FLOPs allow."""
    asked_of = given(variant="fp8", accelerator="H100-SXM-80GB", input_tokens=1000, output_tokens=1000)
    rows = modelled_table(Library.open(()), asked_of, ENGINES["aiconfigurator"], (1,))
    rates = [r.requests_per_s or 0 for r in rows]
    assert rates == sorted(rates)
    assert rates[-1] > 20 * rates[0]
    flops = 2 * 8.03e9 * 2000 * rates[-1]
    assert 0.05 * 1979e12 < flops < 1979e12
