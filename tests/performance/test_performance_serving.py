"""Language-model serving: one case by hand, and properties that must hold everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_samples import estimate

from builders import edited
from gpufleet.performance import serving
from gpufleet.performance.device import device_of
from gpufleet.schema.models import Decoder, ModelCard

if TYPE_CHECKING:
    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.workloads import LLMServing

SLOS = (s.slo("ttft", 95.0, 1500.0), s.slo("tpot", 95.0, 60.0), s.slo("end_to_end", 99.0, 20000.0))
NODE = s.node(s.H100, 8, 400.0)
tokens = st.integers(16, 4000)
sizes = st.sampled_from([1, 2, 4, 8])


def _engine(workload: LLMServing, model: ModelCard, batch: int, tensor: int = 1) -> serving.Engine:
    assert isinstance(model.architecture, Decoder)
    device = device_of(s.H100, NODE, s.FP8, s.DEFAULT, phase="decode")
    return serving.engine_of(workload, model, model.architecture, s.FP8, device, s.options(tensor, batch=batch))


def _serve(workload: LLMServing, model: ModelCard = s.LLAMA_8B, load: float = 1.0, **conf: object) -> Estimate:
    return estimate(workload, model, s.FP8, s.H100, NODE, s.options(**conf), load)  # type: ignore[arg-type]


def test_decoding_step_by_hand() -> None:
    # 100 sequences of Llama-3.1 8B FP8 at context 1000 + 500 / 2 on one H100, without tensor parallelism
    def share(parameter: str) -> float:
        return s.figure(parameter, "Hopper", "decode", 8)

    step = _engine(s.language((1000, 500)), s.LLAMA_8B, 100).step
    parts = step.parts(np.full((1, 1), 100.0))
    compute, bandwidth = 1978.9e12 * share("compute"), 3.35e12 * share("bandwidth")
    assert parts.products[0, 0] == pytest.approx(2 * 8.03e9 * 100 / compute, rel=1e-3)
    assert parts.weights[0, 0] == pytest.approx(8.03e9 / bandwidth, rel=1e-3)
    assert parts.attention[0, 0] == pytest.approx(100 * 1250 * 65536 / (3.35e12 * share("cache_bandwidth")), rel=1e-3)
    numbers = 4096 * 32 * 100
    traffic, operations = share("elementwise_traffic") * 2 * numbers, share("elementwise_operations") * numbers
    vector = (s.H100.peak.fp32_tflops or 0.0) * 1e12
    assert parts.elementwise[0, 0] == pytest.approx(traffic / 3.35e12 + operations / vector)
    assert parts.exchange[0, 0] == 0.0
    kernels = parts.products + parts.weights + parts.attention + parts.elementwise
    launches = 32 * share("layer_overhead_s")
    late = (kernels**4 + launches**4) ** 0.25 - kernels
    scheduling = share("step_overhead_s") + 100 * share("sequence_overhead_s")
    assert parts.overhead == pytest.approx(late + scheduling)
    assert step.seconds(np.full((1, 1), 100.0)) == pytest.approx(kernels + parts.overhead)


def test_reading_a_prompt_by_hand() -> None:
    # 20,000 tokens on an idle replica: three chunks, each streams the weights and is launched anew
    engine = _engine(s.language((20_000, 500)), s.LLAMA_8B, 100)
    assert engine.chunk == 8192
    stage = engine.step.stage_seconds(np.zeros((1, 1)), np.full((1, 1), 20_000 / 3))
    assert engine.prompt.alone == pytest.approx(3 * stage)
    tokens = engine.step.token + engine.step.scores + engine.step.elementwise
    assert engine.prompt.occupancy == pytest.approx(20_000 * tokens)


def test_prompts_must_fit_into_the_steps() -> None:
    # 8,192 tokens of a step carry b decoding sequences and b x I / O prompt tokens
    engine = _engine(s.language((4000, 100)), s.LLAMA_8B, 4096)
    assert engine.most[0, 0] == np.floor(8192 * 100 / 4100)


def test_steady_state_is_littles_law() -> None:
    engine = _engine(s.language((1000, 500)), s.LLAMA_8B, 100)
    b = np.full((1, 1), 60.0)
    rate, step, prompt = engine.rate(b), engine.step.seconds(b), engine.prompt.occupancy
    assert rate == pytest.approx(60.0 / (500 * step + 60 * prompt))
    # The same from the other side: prompts leave a share 1 - r a of the time to decoding.
    assert step + b * prompt / 500 == pytest.approx(step / (1 - rate * prompt))


def test_cache_limits_sequences_exactly() -> None:
    engine = _engine(s.language((3000, 1000)), s.LLAMA_8B, 4096)
    device = device_of(s.H100, NODE, s.FP8, s.DEFAULT, phase="decode")
    workspace = 2 * 4096 * (4 + 8)
    free = device.memory_gb * 1e9 - 8.03e9 - 1e9 - 3000 * workspace
    assert engine.most[0, 0] == np.floor(free / (4000 * 65536 + workspace + 4 * 128256))
    assert serving.bottleneck(engine)[0] == "kv_capacity"


def test_rate_keeps_every_slo_and_one_of_the_limits_binds() -> None:
    result = _serve(s.language((1000, 300), slos=SLOS), batch=[8, 64, 512])
    limits = np.array([bound.limit_ms for bound in SLOS])[None, :, None]
    assert (result.latency_ms <= limits + 1e-6).all()
    at_slo = np.isclose(result.latency_ms, limits, rtol=1e-4).any(axis=1)
    at_utilisation = np.isclose(result.max_rate, 0.9 * result.saturation_rate, rtol=1e-6)
    assert (at_slo | at_utilisation).all()


def test_impossible_slo_gives_rate_zero_and_the_nearest_miss() -> None:
    result = _serve(s.language((4000, 100), slos=(s.slo("ttft", 95.0, 5.0),)), batch=64)
    assert result.max_rate[0, 0] == 0.0 < result.saturation_rate[0, 0]
    assert result.idle_latency_ms[0, 0, 0] > 5.0


def test_contexts_beyond_the_model_are_not_served() -> None:
    result = estimate(s.language((8000, 500), (100, 100)), s.BLOOMZ, s.INT4, s.H100, NODE, s.options(batch=8))
    assert result.max_rate[0, 0] == 0.0 < result.max_rate[0, 1]


def test_percentiles_are_above_means_and_ordered() -> None:
    bounds = tuple(s.slo("end_to_end", level, 1e9) for level in (50.0, 90.0, 99.0))
    low, middle, high = _serve(s.language((500, 200), slos=bounds), batch=64).latency_ms[0, :, 0]
    assert low < middle < high


def test_prefix_cache_shortens_first_token() -> None:
    bound = (s.slo("ttft", 95.0, 2000.0),)
    cold = _serve(s.language((4000, 100), slos=bound), batch=64)
    warm = _serve(s.language((4000, 100), slos=bound, prefix_cache_hit_fraction=0.8), batch=64)
    assert warm.idle_latency_ms[0, 0, 0] < 0.5 * cold.idle_latency_ms[0, 0, 0]
    assert warm.max_rate[0, 0] > cold.max_rate[0, 0]


def test_spanning_nodes_needs_a_network() -> None:
    lonely = estimate(s.language((100, 100)), s.LLAMA_70B, s.FP8, s.H100, s.node(s.H100, 4), s.options([4, 8], batch=8))
    assert (lonely.max_rate[:, 0] > 0).tolist() == [True, False]
    joined = estimate(
        s.language((100, 100)), s.LLAMA_70B, s.FP8, s.H100, s.node(s.H100, 4, 50.0), s.options(8, batch=8)
    )
    assert joined.max_rate[0, 0] > 0


def test_tensor_parallelism_shortens_steps_and_pipelines_do_not() -> None:
    bound = (s.slo("tpot", 50.0, 1000.0),)
    idle = _serve(s.language((500, 200), slos=bound), s.LLAMA_70B, tensor=[2, 4, 8, 2], pipeline=[1, 1, 1, 4], batch=32)
    step = idle.idle_latency_ms[:, 0, 0]
    assert step[0] > step[1] > step[2]
    assert step[3] > 0.95 * step[0]


def test_expert_groups_spread_expert_weights() -> None:
    result = _serve(s.language((500, 200)), s.MIXTRAL, tensor=1, data=8, expert=[1, 8], batch=256)
    assert result.memory_parts_gb["weights"][1] < 0.25 * result.memory_parts_gb["weights"][0]
    assert (result.max_rate > 0).all()


@settings(max_examples=25, deadline=None)
@given(tokens, tokens, sizes, st.integers(1, 512), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_load_never_shortens_latency(i: int, o: int, t: int, batch: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    work = s.language((i, o), slos=(*SLOS, s.slo("itl", 99.0, 500.0)))
    latency = [_serve(work, load=load, tensor=t, batch=batch).latency_ms for load in (low, high)]
    assert (latency[0] <= latency[1] * (1 + 1e-6)).all()
    assert (_serve(work, tensor=t, batch=batch).idle_latency_ms <= latency[0] * (1 + 1e-9)).all()


@settings(max_examples=25, deadline=None)
@given(tokens, tokens, sizes, st.integers(1, 512), st.floats(0.3, 1.0))
def test_tighter_slo_never_raises_the_rate(i: int, o: int, t: int, batch: int, factor: float) -> None:
    rates = []
    for share in (1.0, factor):
        slos = tuple(bound.model_copy(update={"limit_ms": bound.limit_ms * share}) for bound in SLOS)
        rates.append(_serve(s.language((i, o), slos=slos), tensor=t, batch=batch).max_rate[0, 0])
    assert rates[1] <= rates[0] * (1 + 1e-6)


@settings(max_examples=25, deadline=None)
@given(tokens, tokens, st.sampled_from(["memory_bandwidth_gb_s", "interconnect_gb_s"]), sizes, st.floats(1.0, 3.0))
def test_more_bandwidth_is_never_slower(i: int, o: int, name: str, t: int, factor: float) -> None:
    faster = s.H100.model_copy(update={name: getattr(s.H100, name) * factor})
    work, conf = s.language((i, o), slos=SLOS), s.options(t, batch=128)
    slow, fast = (estimate(work, s.LLAMA_8B, s.FP8, device, NODE, conf) for device in (s.H100, faster))
    assert (fast.max_rate >= slow.max_rate * (1 - 1e-6)).all()
    assert (fast.idle_latency_ms <= slow.idle_latency_ms * (1 + 1e-9)).all()


@settings(max_examples=25, deadline=None)
@given(tokens, tokens, st.integers(1, 256))
def test_larger_batches_never_saturate_earlier(i: int, o: int, batch: int) -> None:
    result = _serve(s.language((i, o)), batch=[batch, batch + 1, 2 * batch])
    assert (np.diff(result.saturation_rate[:, 0]) >= -1e-9).all()


def test_an_slo_of_one_class_leaves_the_others_alone() -> None:
    """The class that it names is rated as if all were bound, the other as if none were."""
    bound = s.slo("tpot", 95.0, 8.0)
    all_, none = (_serve(s.language((1000, 300), (1000, 300), slos=slos), batch=64) for slos in ((bound,), ()))
    first = edited(bound, classes=("c0",))
    single = _serve(s.language((1000, 300), (1000, 300), slos=(first,)), batch=64)
    assert all_.max_rate[0, 0] < none.max_rate[0, 0]
    assert single.max_rate[0].tolist() == [all_.max_rate[0, 0], none.max_rate[0, 1]]
