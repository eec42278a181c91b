"""`estimate_options`: its figures are those of the performance model, its reasons those of the rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import gpufleet
from gpufleet import EstimateResult, Library, estimate_options
from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.estimate import EstimatedOption
from gpufleet.schema.workloads import SLO, ItemClass, LLMServing, RequestServing, TokenClass, Training

if TYPE_CHECKING:
    from gpufleet.performance.estimate import AnyWorkload, Estimate
    from gpufleet.schema.estimate import LoadCurve

SLOS = ("ttft:p95:2000ms", "tpot:95:0.2s")
BOUNDS = (
    SLO(metric="ttft", percentile=95.0, limit_ms=2000.0),
    SLO(metric="tpot", percentile=95.0, limit_ms=200.0),
)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


@pytest.fixture(scope="module")
def llama(library: Library) -> EstimateResult:
    return estimate_options("llama-3.1-70b", "H100-SXM-80GB", slo=SLOS, library=library)


@pytest.fixture(scope="module")
def bert(library: Library) -> EstimateResult:
    return estimate_options("bert-large", "T4", slo=["e2e:99:100ms"], items=2, library=library)


@pytest.fixture(scope="module")
def gpt(library: Library) -> EstimateResult:
    return estimate_options("gpt-3-175b", "H100-SXM-80GB", train=True, samples=1e8, library=library)


def modelled(library: Library, result: EstimateResult, option: EstimatedOption, workload: AnyWorkload) -> Estimate:
    """The same option, asked of the performance model directly."""
    card = library.model(result.question.model)
    return estimate(
        workload,
        card,
        next(variant for variant in card.variants if variant.name == option.variant),
        library.accelerators[result.question.accelerator],
        library.node_types[result.question.node_type],
        Configurations.of([(option.parallelism, option.batch)]),
        efficiency=Efficiency.of(library.calibration),
    )


def llama_workload(slo: tuple[SLO, ...] = BOUNDS) -> LLMServing:
    group = TokenClass(name="one", requests_per_s=3.0, input_tokens=1024, output_tokens=256)
    return LLMServing(name="chat", kind="llm_serving", model="llama-3.1-70b", classes=(group,), slo=slo)


def test_language_figures_are_those_of_the_model(library: Library, llama: EstimateResult) -> None:
    for option in llama.options[:: max(len(llama.options) // 6, 1)]:
        figures = modelled(library, llama, option, llama_workload())
        serving = option.serving
        assert serving is not None
        assert serving.requests_per_s == pytest.approx(figures.max_rate[0, 0], rel=1e-6)
        assert serving.saturation_requests_per_s == pytest.approx(figures.saturation_rate[0, 0], rel=1e-6)
        assert serving.throughput_per_s == pytest.approx(256 * figures.max_rate[0, 0], rel=1e-6)
        assert serving.throughput_per_accelerator_per_s * option.accelerators == pytest.approx(serving.throughput_per_s)
        stated = {(one.metric, one.percentile): one.predicted_ms for one in serving.latencies}
        assert stated["ttft", 95] == pytest.approx(figures.latency_ms[0, 0, 0], rel=1e-4)
        assert stated["tpot", 95] == pytest.approx(figures.latency_ms[0, 1, 0], rel=1e-4)
        assert option.memory_gb == pytest.approx(figures.memory_gb[0])
        assert sum(option.memory_parts_gb.values()) == pytest.approx(option.memory_gb)
        assert (option.bottleneck, option.provenance) == (figures.bottleneck[0], "modelled")


def test_request_figures_are_those_of_the_model(library: Library, bert: EstimateResult) -> None:
    bound = SLO(metric="end_to_end", percentile=99.0, limit_ms=100.0)
    group = ItemClass(name="one", requests_per_s=1.0, items=2)
    work = RequestServing(name="qa", kind="request_serving", model="bert-large", classes=(group,), slo=(bound,))
    for option in bert.options[:: max(len(bert.options) // 6, 1)]:
        figures = modelled(library, bert, option, work)
        serving = option.serving
        assert serving is not None
        assert serving.requests_per_s == pytest.approx(figures.max_rate[0, 0], rel=1e-6)
        assert serving.throughput_per_s == pytest.approx(2 * serving.requests_per_s)
        high = next(one for one in serving.latencies if one.percentile == 99)
        assert high.predicted_ms == pytest.approx(figures.latency_ms[0, 0, 0], rel=1e-4)
        assert high.limit_ms == 100


def test_training_figures_are_those_of_the_model(library: Library, gpt: EstimateResult) -> None:
    fields = {"samples": 1e8, "epochs": 1.0, "global_batch": 512, "sequence_tokens": 2048, "deadline_days": 30.0}
    work = Training.model_validate({"name": "run", "kind": "training", "model": "gpt-3-175b", **fields})
    assert gpt.question.sequence_tokens == 2048, "the model's context, below the usual 4096"
    assert gpt.options
    for option in gpt.options:
        figures = modelled(library, gpt, option, work)
        training = option.training
        assert training is not None
        assert training.days == pytest.approx(figures.training_days[0])
        assert training.days == pytest.approx(1e8 / 512 * training.step_s / 86400)
        assert training.throughput_per_s == pytest.approx(512 * 2048 / training.step_s)
        assert sum(option.parts_s["training"].values()) == pytest.approx(training.step_s)


def test_mfu_by_hand(library: Library) -> None:
    # a sample of T tokens takes 3 x (2 N T + causal scores 4 h T^2 / 2 L); N is without the input embedding
    card = library.model("gpt-3-175b")
    result = estimate_options(card, "H100-SXM-80GB", train=True, library=library)
    option, training = result.options[0], result.options[0].training
    assert training is not None
    layers, hidden, tokens = 96, 12288, 2048
    forward = 2 * card.parameters * tokens + 4 * hidden * tokens**2 / 2 * layers
    peak = library.accelerators["H100-SXM-80GB"].peak.bf16_tflops
    assert peak is not None
    by_hand = 3 * forward * 512 / (training.step_s * option.accelerators * peak * 1e12)
    assert training.mfu == pytest.approx(by_hand, rel=0.01)
    assert 0 < training.mfu < 1


def test_options_come_by_throughput_per_accelerator(llama: EstimateResult, gpt: EstimateResult) -> None:
    for result in (llama, gpt):
        values = [option.throughput_per_accelerator_per_s for option in result.options]
        assert values == sorted(values, reverse=True)
        assert 0 < result.feasible < result.tried


def test_of_what_is_not_listed_the_best_is_taken(library: Library) -> None:
    question = {"variants": ["fp8"], "tensor": [2], "pipeline": [1], "library": library}
    best = estimate_options("llama-3.1-70b", "H100-SXM-80GB", slo=SLOS, **question)
    each = estimate_options("llama-3.1-70b", "H100-SXM-80GB", slo=SLOS, batch=[8, 32, 512], **question)
    assert len(best.options) == 1
    assert [option.batch for option in each.options] in ([512, 32, 8], [32, 512, 8], [32, 8, 512])
    assert best.options[0].throughput_per_accelerator_per_s >= each.options[0].throughput_per_accelerator_per_s


def test_training_is_listed_by_size_until_sizes_are_named(library: Library, gpt: EstimateResult) -> None:
    sizes = [option.accelerators for option in gpt.options]
    assert len(set(sizes)) == len(sizes)
    assert all(size % 8 == 0 for size in sizes)
    named = {"train": True, "tensor": [8], "pipeline": [8, 16], "data": [2, 4], "zero": [1], "recomputation": True}
    listed = estimate_options("gpt-3-175b", "H100-SXM-80GB", library=library, variants=["bf16"], **named)
    found = {option.parallelism.label for option in listed.options} | {one.parallelism.label for one in listed.rejected}
    wanted = {f"tp8-pp{depth}-dp{ranks}-zero1-recompute" for depth in (8, 16) for ranks in (2, 4)}
    assert found == wanted


def test_reasons_say_what_is_missing(library: Library) -> None:
    small = estimate_options("llama-3.1-70b", "T4", tensor=[1], pipeline=[1], library=library)
    assert not small.options
    reasons = {rejected.variant: rejected for rejected in small.rejected}
    memory = reasons["int8-ptq"]
    assert memory.rule == "memory"
    assert isinstance(memory.actual, float)
    assert isinstance(memory.limit, float)
    assert f"{memory.actual - memory.limit:.4g} GB more than the {memory.limit:.1f} GB" in memory.reason
    assert reasons["fp8"].rule == "precision"
    assert reasons["fp8"].reason == "fp8 arithmetic is not supported"


def test_an_slo_out_of_reach_is_said_with_the_best_possible(library: Library) -> None:
    result = estimate_options("llama-3.1-70b", "H100-SXM-80GB", slo=["ttft:p95:1ms"], variants=["fp8"], library=library)
    assert not result.options
    figures = modelled(
        library, result, _as_option(result, 0), llama_workload((SLO(metric="ttft", percentile=95.0, limit_ms=1.0),))
    )
    near = result.rejected[0]
    assert near.rule == "latency"
    assert near.actual == pytest.approx(figures.idle_latency_ms[0, 0, 0], rel=1e-4)
    assert near.reason == f"TTFT p95 is {near.actual:.4g} ms at best, on an idle replica; the limit is 1 ms"


def _as_option(result: EstimateResult, place: int) -> EstimatedOption:
    """A rejected setting in the form that `modelled` asks for."""
    near = result.rejected[place]
    fields = {"memory_parts_gb": {}, "memory_gb": 0.0, "memory_limit_gb": 0.0, "parts_s": {}, "bottleneck": "compute"}
    words = {"provenance": "modelled", "evidence": "-", "rate_low": 1.0, "rate_high": 1.0, "precision": "fp8"}
    place_fields = near.model_dump(include={"variant", "batch", "accelerators"})
    return EstimatedOption(parallelism=near.parallelism, **place_fields, **fields, **words)


def test_methods_and_software_are_reasons(library: Library) -> None:
    trained = estimate_options("llama-3.1-8b", "H100-SXM-80GB", train=True, nodes=1, library=library)
    methods = {rejected.variant: rejected.reason for rejected in trained.rejected if rejected.rule == "method"}
    assert methods["int4-awq"].startswith("made by awq, which cannot be trained")
    nowhere = estimate_options("llama-3.1-8b", "MLU370-X8", library=library)
    assert {rejected.rule for rejected in nowhere.rejected} >= {"software"}
    assert not nowhere.options


def test_replicas_stay_in_a_node_without_a_network(library: Library) -> None:
    alone = estimate_options("llama-3.1-8b", "H100-SXM-80GB", accelerators=4, tensor=[1, 4, 8], library=library)
    assert max(option.accelerators for option in alone.options) == 4
    assert next(one.reason for one in alone.rejected if one.parallelism.label == "tp8") == (
        "takes 8 accelerators, and only 4 reach each other"
    )
    joined = estimate_options(
        "llama-3.1-8b", "H100-SXM-80GB", accelerators=4, network_gb_s=50.0, tensor=[8], library=library
    )
    assert {option.parallelism.tensor for option in joined.options} == {8}


def test_partitions_take_one_instance_each(library: Library) -> None:
    result = estimate_options("llama-3.1-8b", "H100-SXM-80GB-3g.40gb", library=library)
    assert {option.accelerators for option in result.options} == {1}


@pytest.mark.parametrize("model", ["llama", "bert"])
def test_curves_rise_and_pass_through_the_options(model: str, request: pytest.FixtureRequest) -> None:
    result: EstimateResult = request.getfixturevalue(model)
    shapes = [(c.parallelism.tensor, c.parallelism.pipeline, c.parallelism.data) for c in result.curves]
    assert len(set(shapes)) == len(shapes) > 1
    for curve in result.curves:
        assert np.all(np.diff(curve.requests_per_s) > 0)
        assert np.all(np.diff(curve.concurrency) >= 0)
        for one in curve.latencies:
            values = np.array(one.predicted_ms)
            assert np.all(np.diff(values) >= -1e-9 * values[1:])
        _assert_passes_through(result, curve)


def _assert_passes_through(result: EstimateResult, curve: LoadCurve) -> None:
    """The option's latencies lie between those of the points of the curve left and right of its rate."""
    key = (curve.variant, curve.parallelism, curve.batch)
    serving = next(o for o in result.options if (o.variant, o.parallelism, o.batch) == key).serving
    assert serving is not None
    right = int(np.searchsorted(curve.requests_per_s, serving.requests_per_s))
    assert 0 < right < len(curve.requests_per_s)
    for stated, drawn in zip(serving.latencies, curve.latencies, strict=True):
        low, high = drawn.predicted_ms[right - 1], drawn.predicted_ms[right]
        assert low * (1 - 1e-6) <= stated.predicted_ms <= high * (1 + 1e-6)


def test_percentiles_are_in_order(llama: EstimateResult) -> None:
    for curve in llama.curves:
        by = {(one.metric, one.percentile): np.array(one.predicted_ms) for one in curve.latencies}
        assert np.all(by["ttft", 50] <= by["ttft", 95])
        assert np.all(by["tpot", 50] <= by["tpot", 95])


def test_the_reference_node_is_the_nearest_to_eight(library: Library) -> None:
    chosen = {
        name: estimate_options("llama-3.1-8b", name, library=library, tensor=[1], pipeline=[1], batch=[1]).question
        for name in ("H100-SXM-80GB", "GH200-96GB", "Trainium2")
    }
    assert [question.node_accelerators for question in chosen.values()] == [8, 1, 16]
    assert {question.node_chosen for question in chosen.values()} == {"reference"}
    own = estimate_options("llama-3.1-8b", "H100-SXM-80GB", node="gcp-a3-highgpu-1g", library=library).question
    assert (own.node_type, own.node_accelerators, own.node_chosen) == ("gcp-a3-highgpu-1g", 1, "given")


def test_frames(llama: EstimateResult, gpt: EstimateResult) -> None:
    frame = llama.to_frame()
    assert len(frame) == len(llama.options)
    named = {"variant", "parallelism", "memory_kv_cache_gb", "requests_per_s", "ttft_p95_ms", "decoding_weights_s"}
    assert named <= set(frame.columns)
    assert frame["throughput_per_accelerator_per_s"].is_monotonic_decreasing
    assert {"mfu", "days", "training_arithmetic_s"} <= set(gpt.to_frame().columns)
    assert len(llama.curves_frame()) == sum(len(curve.concurrency) for curve in llama.curves)
    assert list(llama.rejections_frame()["rule"]) == [rejected.rule for rejected in llama.rejected]


@pytest.mark.parametrize("model", ["llama", "bert", "gpt"])
def test_json_keeps_its_schema_and_comes_back(model: str, request: pytest.FixtureRequest) -> None:
    result: EstimateResult = request.getfixturevalue(model)
    text = result.model_dump_json(exclude_none=True)
    Draft202012Validator(EstimateResult.model_json_schema()).validate(json.loads(text))
    assert EstimateResult.model_validate_json(text) == result


def test_it_is_public() -> None:
    assert {"estimate_options", "EstimateResult"} <= set(gpufleet.__all__)
