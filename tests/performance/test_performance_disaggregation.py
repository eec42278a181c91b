"""Prefill and decode apart: times by hand, the queue of prompts against a simulation, and what must hold everywhere."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_samples import estimate

from gpufleet.performance import disaggregation, serving
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.device import device_of
from gpufleet.performance.disaggregation import Prefill
from gpufleet.schema.models import Decoder, ModelCard
from gpufleet.schema.plan import Parallelism

if TYPE_CHECKING:
    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.workloads import LLMServing

NODE = s.node(s.H100, 8, 400.0)
DEVICE = device_of(s.H100, NODE, s.FP8, s.DEFAULT, phase="decode")
SLOS = (s.slo("ttft", 95.0, 2500.0), s.slo("itl", 99.0, 50.0), s.slo("end_to_end", 90.0, 30000.0))


def split(prefill: int, decode: int, prefill_tensor: int = 1, tensor: int = 1, batch: int = 64) -> Configurations:
    """One replica of so many instances."""
    cut = Parallelism(tensor=tensor, data=decode, prefill_instances=prefill, prefill_tensor=prefill_tensor)
    return Configurations.of([(cut, batch)])


def serve(workload: LLMServing, conf: Configurations, model: ModelCard = s.LLAMA_8B, load: float = 1.0) -> Estimate:
    return estimate(workload, model, s.FP8, s.H100, NODE, conf, load)


def engine(workload: LLMServing, conf: Configurations, model: ModelCard = s.LLAMA_8B) -> disaggregation.Split:
    assert isinstance(model.architecture, Decoder)
    return disaggregation.split_engine(workload, model, model.architecture, s.FP8, DEVICE, conf)


def whole(workload: LLMServing, tensor: int = 1, batch: int = 64, model: ModelCard = s.LLAMA_8B) -> serving.Engine:
    assert isinstance(model.architecture, Decoder)
    return serving.engine_of(workload, model, model.architecture, s.FP8, DEVICE, s.options(tensor, batch=batch))


def test_transfer_by_hand() -> None:
    """The cache of 6,000 tokens is 6,000 x 2 x 8 x 128 x 32 bytes; one accelerator sends it to two that share it."""
    prefill = engine(s.language((6000, 200)), split(3, 2, tensor=2)).prefill
    sent = 6000 * 2 * 8 * 128 * 32 / DEVICE.link
    assert prefill.sending == pytest.approx(np.full((1, 1), sent))
    assert prefill.receiving == pytest.approx(np.full((1, 1), sent / 2 / 2))
    assert prefill.exposed == pytest.approx(np.full((1, 1), sent / 32 + DEVICE.link_latency))
    assert prefill.instances[0, 0] == 3


def test_over_the_network_beyond_a_node() -> None:
    prefill = engine(s.language((6000, 200)), split(8, 8)).prefill
    sent = 6000 * 2 * 8 * 128 * 32 / DEVICE.network
    assert prefill.sending == pytest.approx(np.full((1, 1), sent))
    slow = replace(DEVICE, network=1e8)
    assert isinstance(s.LLAMA_8B.architecture, Decoder)
    parts = (s.LLAMA_8B, s.LLAMA_8B.architecture, s.FP8, slow)
    crawling = disaggregation.split_engine(s.language((6000, 200)), *parts, split(8, 8))
    assert crawling.capacity() == pytest.approx(8 / (crawling.prefill.fixed + crawling.prefill.sending), rel=1e-12)
    assert disaggregation.bottleneck(crawling).tolist() == ["interconnect"]


def test_each_kind_does_its_own_work() -> None:
    """Prefill reads like an idle engine, decoding steps like an engine without prompts."""
    asked = s.language((6000, 200))
    found, usual = engine(asked, split(1, 1)), whole(asked)
    assert found.prefill.alone == pytest.approx(usual.prompt.alone, rel=1e-4)
    assert found.residence(np.full((1, 1), 32.0)) == pytest.approx(200 * usual.step.seconds(np.full((1, 1), 32.0)))
    decoding = 64 / (200 * usual.step.seconds(np.full((1, 1), 64.0)))
    assert found.rate(found.most) == pytest.approx(decoding)
    figures = serve(s.language((6000, 200), max_utilisation=1.0), split(1, 1))
    assert figures.max_rate[0, 0] == pytest.approx(min(1 / usual.prompt.alone[0, 0], decoding[0, 0]), rel=1e-4)


def test_idle_latencies_by_hand() -> None:
    """First token: the prompt, the last layer of its cache, one step. Gaps: a step."""
    bounds = (s.slo("ttft", 95.0, 1e6), s.slo("itl", 99.0, 1e6), s.slo("tpot", 95.0, 1e6))
    asked = s.language((6000, 200), slos=bounds)
    found, idle = engine(asked, split(1, 1)), serve(asked, split(1, 1)).idle_latency_ms[0, :, 0] / 1000
    step = found.step.seconds(np.ones((1, 1)))[0, 0]
    assert idle[0] == pytest.approx((found.prefill.alone + found.prefill.exposed)[0, 0] + step)
    assert idle[1:] == pytest.approx([step, step], rel=0.02)


def test_memory_is_that_of_the_fuller_instance() -> None:
    asked = s.language((6000, 200))
    per_token = 2 * 8 * 128 * 32
    decodes = serve(asked, split(1, 1, batch=128))
    assert decodes.memory_parts_gb["kv_cache"][0] == pytest.approx(128 * 6200 * per_token / 1e9)
    reads = serve(asked, split(1, 1, tensor=4, batch=1))
    assert reads.memory_parts_gb["kv_cache"][0] == pytest.approx(2 * 6000 * per_token / 1e9)
    assert reads.memory_parts_gb["weights"][0] == pytest.approx(8.03)
    assert reads.memory_gb == pytest.approx(sum(reads.memory_parts_gb.values()))
    large = serve(s.language((6000, 200)), split(1, 1, prefill_tensor=1, tensor=4), s.MIXTRAL, 1.0)
    assert large.max_rate[0, 0] > 0
    assert serve(asked, split(1, 2), s.gpt(100, 9216, 72)).max_rate[0, 0] == 0.0


def test_rows_of_both_kinds_together_are_those_apart() -> None:
    asked = s.language((3000, 200), (300, 100), slos=SLOS, prefix_cache_hit_fraction=0.2)
    one, two = Parallelism(tensor=2), Parallelism(data=2, prefill_instances=2)
    rows = [(two, 64), (one, 128), (two, 32), (one, 8), (Parallelism(prefill_instances=1, data=1), 16)]
    together = serve(asked, Configurations.of(rows))
    for i, row in enumerate(rows):
        alone = serve(asked, Configurations.of([row]))
        for name in ("max_rate", "saturation_rate", "latency_ms", "idle_latency_ms", "memory_gb"):
            assert getattr(together, name)[i] == pytest.approx(getattr(alone, name)[0]), name
        assert together.bottleneck[i] == alone.bottleneck[0]
        for part, values in alone.memory_parts_gb.items():
            assert together.memory_parts_gb[part][i] == pytest.approx(values[0])


def test_apart_where_gaps_are_bound_together_where_nothing_is() -> None:
    """Without SLO one pool of accelerators has the better use; a tight bound on gaps under long prompts turns it."""
    free, bound = s.language((8000, 200)), s.language((8000, 200), slos=(s.slo("itl", 99.0, 30.0),))
    together, apart = s.options([1, 2, 4, 8], batch=64), [split(p, 8 - p, batch=512) for p in range(1, 8)]

    def rate(asked: LLMServing, confs: list[Configurations]) -> float:
        return max(float(np.max(serve(asked, conf).max_rate[:, 0] / conf.accelerators)) for conf in confs)

    assert 0.7 * rate(free, [together]) < rate(free, apart) < rate(free, [together])
    assert rate(bound, apart) > 1.3 * rate(bound, [together])


# ----------------------------------------------------------------------------------------- queue of prompts


def simulated(instances: int, budget: int, fixed: float, each: float, rate: float, count: int) -> np.ndarray:
    """Delays beside the own prompt. Arrivals go to the instance with the least unread; its steps take up to `budget`
    mean prompts of tokens in order, a long prompt over several steps."""
    dice = np.random.default_rng(1)
    arrival, size = np.cumsum(dice.exponential(1 / rate, count)), dice.exponential(1.0, count)
    queues: list[list[tuple[int, float]]] = [[] for _ in range(instances)]
    end, unread, delays = [math.inf] * instances, [0.0] * instances, np.empty(count)
    reading: list[tuple[list[int], float]] = [([], 0.0)] * instances

    def start(p: int, now: float) -> None:
        left, done = float(budget), []
        while queues[p] and left > 1e-12:
            k, rest = queues[p].pop(0)
            taken = min(rest, left)
            left -= taken
            if rest - taken > 1e-12:
                queues[p].insert(0, (k, rest - taken))
            else:
                done.append(k)
        reading[p], end[p] = (done, budget - left), now + fixed + each * (budget - left)

    i = 0
    while i < count or min(end) < math.inf:
        p = end.index(min(end))
        if i < count and arrival[i] <= end[p]:
            p = unread.index(min(unread))
            unread[p] += size[i]
            queues[p].append((i, size[i]))
            if end[p] == math.inf:
                start(p, arrival[i])
            i += 1
            continue
        now, (done, taken) = end[p], reading[p]
        unread[p] -= taken
        for k in done:
            delays[k] = now - arrival[k] - math.ceil(size[k] / budget) * fixed - size[k] * each
        end[p] = math.inf
        if queues[p]:
            start(p, now)
        else:
            unread[p] = 0.0
    return delays[count // 10 :]


@pytest.mark.parametrize("instances", [1, 2, 6])
@pytest.mark.parametrize(("budget", "fixed", "each"), [(1, 0.01, 0.2), (4, 0.01, 0.025), (32, 0.01, 0.005)])
@pytest.mark.parametrize("load", [0.6, 0.8])
def test_queue_of_prompts_agrees_with_simulation(
    instances: int, budget: int, fixed: float, each: float, load: float
) -> None:
    """TTFT at p95, own prompt included: from a quarter too short to half too long."""

    def a(value: float) -> np.ndarray:
        return np.full((1, 1), float(value))

    prefill = Prefill(a(fixed), a(each), a(0), a(0), a(0), a(budget), a(instances))
    rate = load * float(prefill.capacity[0, 0])
    own = fixed + each
    found = own + float(prefill.wait(0.95, a(rate))[0, 0])
    right = own + float(np.quantile(simulated(instances, budget, fixed, each, rate, 10_000), 0.95))
    assert 0.75 < found / right < 1.5


# ----------------------------------------------------------------------------------------------- properties

sizes = st.sampled_from([1, 2, 4])
counts = st.integers(1, 4)
models = st.sampled_from([s.LLAMA_8B, s.LLAMA_70B, s.MIXTRAL])


@settings(max_examples=30, deadline=None)
@given(st.integers(50, 12000), st.integers(2, 800), counts, counts, sizes, sizes, models, st.booleans())
def test_rates_are_bounded_and_more_instances_never_serve_less(
    prompt: int, output: int, prefill: int, decode: int, tp: int, td: int, model: ModelCard, is_bound: bool
) -> None:
    asked = s.language((prompt, output), slos=SLOS if is_bound else ())
    conf = split(prefill, decode, tp, td, 32 * decode)
    figures, parts = serve(asked, conf, model), engine(asked, conf, model)
    rate = figures.max_rate[0, 0]
    assert rate <= figures.saturation_rate[0, 0] * 0.9 * (1 + 1e-9)
    # the products alone, which a prefill instance splits over tp accelerators and a decode instance over td
    products = prompt * (parts.step.token / parts.step.pace)[0, 0] * td / tp
    assert figures.saturation_rate[0, 0] <= prefill / products * (1 + 1e-9)
    assert figures.saturation_rate[0, 0] <= 32 * decode / (output * parts.step.seconds(np.ones((1, 1))))[0, 0]
    limits = np.array([slo.limit_ms for slo in asked.slo])
    assert rate == 0 or np.all(figures.latency_ms[0, :, 0] <= limits * (1 + 1e-6))
    if prefill * tp + decode * td <= 8 - max(tp, td):  # inside the node: beyond it, the network is slower
        for p, d in ((prefill + 1, decode), (prefill, decode + 1)):
            assert serve(asked, split(p, d, tp, td, 32 * d), model).max_rate[0, 0] >= rate * (1 - 1e-6)


@settings(max_examples=12, deadline=None)
@given(st.integers(50, 8000), st.integers(2, 500), st.floats(0, 1), st.floats(0, 1))
def test_more_hits_never_serve_less(prompt: int, output: int, one: float, other: float) -> None:
    less, more = (
        serve(s.language((prompt, output), slos=SLOS, prefix_cache_hit_fraction=hit), split(2, 2)).max_rate
        for hit in sorted((one, other))
    )
    assert np.all(more >= less * (1 - 1e-6))
