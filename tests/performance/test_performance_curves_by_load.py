"""Curves over the load and parts of steps: against the estimate, by hand, and for hardware and sizes of all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet.performance import serving
from gpufleet.performance.breakdown import batch_parts_s, decoding_parts_s, training_figures
from gpufleet.performance.case import Case
from gpufleet.performance.curves_by_load import FULLEST, curves_by_load, figures_at

if TYPE_CHECKING:
    from gpufleet.performance.curves_by_load import Quantity
    from gpufleet.performance.estimate import AnyWorkload
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard, Variant

TOKENS: tuple[Quantity, ...] = (("ttft", 50.0), ("ttft", 99.0), ("tpot", 50.0), ("tpot", 95.0), ("end_to_end", 95.0))
ANSWERS: tuple[Quantity, ...] = (("end_to_end", 50.0), ("end_to_end", 99.0))


def case(
    work: AnyWorkload, card: ModelCard = s.LLAMA_8B, device: Accelerator = s.H100, variant: Variant = s.BF16
) -> Case:
    return Case(work, card, variant, device, s.node(device, 8, 400.0), s.DEFAULT)


def test_curves_end_below_saturation_and_begin_nearly_idle() -> None:
    question, conf = case(s.language((1024, 256))), s.options(tensor=[1, 2, 4], batch=[16, 256, 512])
    curves, figures = curves_by_load(question, conf, TOKENS), question.estimate(conf)
    assert curves.rate[:, -1] == pytest.approx(FULLEST * figures.saturation_rate[:, 0], rel=1e-6)
    assert curves.concurrency[:, 0] == pytest.approx([0.5, 0.5, 0.5])
    assert np.all(curves.concurrency[:, -1] < conf.batch)


def test_throughput_follows_littles_law() -> None:
    # sequences in service = rate x the time that a sequence stays
    question, conf = case(s.language((512, 128))), s.options(tensor=2, batch=64)
    curves = curves_by_load(question, conf, TOKENS)
    work, decoder = s.language((512, 128)), s.LLAMA_8B.architecture
    engine = serving.engine_of(work, s.LLAMA_8B, decoder, s.BF16, question.device, conf)  # type: ignore[arg-type]
    stay = engine.residence(curves.concurrency[0][:, None])[:, 0]
    assert curves.rate[0] * stay == pytest.approx(curves.concurrency[0], rel=1e-6)


def test_figures_at_the_highest_rate_are_those_of_the_estimate() -> None:
    bounds = (s.slo("ttft", 99.0, 800.0), s.slo("tpot", 95.0, 25.0))
    question, conf = case(s.language((1024, 256), slos=bounds)), s.options(tensor=[1, 2, 4], batch=512)
    found = question.estimate(conf)
    together, latency = figures_at(question, conf, found.max_rate[:, 0], TOKENS)
    assert latency[:, [1, 3]] == pytest.approx(found.latency_ms[:, :, 0], rel=1e-6)
    assert np.all(together > 1)


def test_options_that_do_not_run_have_no_rate() -> None:
    question = case(s.language((1024, 256)), s.LLAMA_70B)
    curves = curves_by_load(question, s.options(tensor=[1, 4], batch=64), TOKENS, points=5)
    assert np.all(curves.rate[0] == 0)
    assert np.all(curves.rate[1] > 0)


@settings(max_examples=25)
@given(
    sizes=st.tuples(st.integers(1, 8000), st.integers(1, 2000)),
    device=st.sampled_from([s.T4, s.L4, s.A100, s.H100]),
    card=st.sampled_from([s.LLAMA_8B, s.MIXTRAL, s.BLOOMZ]),
    batch=st.integers(1, 512),
)
def test_language_curves_rise(sizes: tuple[int, int], device: Accelerator, card: ModelCard, batch: int) -> None:
    question = case(s.language(sizes), card, device, s.FP16)
    conf = s.options(tensor=[1, 2, 8, 2], pipeline=[1, 1, 1, 4], batch=batch)
    curves = curves_by_load(question, conf, TOKENS, points=9)
    runs = curves.rate[:, 0] > 0
    assert np.all(np.diff(curves.rate[runs], axis=1) > 0)
    assert np.all(np.diff(curves.concurrency[runs], axis=1) > 0)
    _assert_rising(curves.latency_ms, runs)


@settings(max_examples=25)
@given(
    items=st.integers(1, 64),
    device=st.sampled_from([s.T4, s.L4, s.A100]),
    card=st.sampled_from([s.BERT, s.DLRM, s.RESNET]),
    batch=st.integers(1, 256),
)
def test_request_curves_rise(items: int, device: Accelerator, card: ModelCard, batch: int) -> None:
    question = case(s.requests(items), card, device, s.FP16)
    curves = curves_by_load(question, s.options(tensor=[1, 2], batch=batch), ANSWERS, points=9)
    runs = curves.rate[:, 0] > 0
    assert np.all(np.diff(curves.rate[runs], axis=1) > 0)
    assert np.all(np.diff(curves.concurrency[runs], axis=1) >= -1e-9)
    _assert_rising(curves.latency_ms, runs)


def _assert_rising(latency_ms: object, runs: np.ndarray) -> None:
    assert isinstance(latency_ms, dict)
    for values in latency_ms.values():
        assert np.all(np.diff(values[runs], axis=1) >= -1e-9 * values[runs][:, 1:])


def test_parts_of_a_decoding_step_add_up() -> None:
    question, conf = case(s.language((1024, 256)), s.LLAMA_70B), s.options(tensor=[4, 8], pipeline=[2, 1], batch=64)
    parts = decoding_parts_s(question, conf, np.array([32.0, 32.0]))
    decoder = s.LLAMA_70B.architecture
    engine = serving.engine_of(question.workload, s.LLAMA_70B, decoder, s.BF16, question.device, conf)  # type: ignore[arg-type]
    step = engine.step.seconds(np.full((2, 1), 32.0))[:, 0]
    assert sum(parts["decoding"].values()) == pytest.approx(step)
    assert np.all(sum(parts["decoding_with_prompt"].values()) > step)
    assert parts["decoding_with_prompt"]["weights"] == pytest.approx(parts["decoding"]["weights"])


def test_parts_of_a_batch_make_its_service_time() -> None:
    question, conf = case(s.requests(1), s.BERT, s.T4, s.FP16), s.options(batch=16)
    parts = batch_parts_s(question, conf, np.array([16.0]))
    kernels = np.maximum(parts["products"], parts["weights"] + parts["activations"])
    whole = kernels + parts["exchange"] + parts["overhead"]
    saturation = question.estimate(conf).saturation_rate[0, 0]
    assert 16.0 / np.maximum(whole, parts["host_link"]) == pytest.approx(saturation)


def test_recomputation_is_no_use_of_its_own() -> None:
    # the useful arithmetic is the same, the step is longer: MFU falls as the step grows
    question = case(s.training(64, 2048), s.LLAMA_8B)
    found = training_figures(question, s.options(tensor=8, recomputation=[False, True]))
    assert sum(found.parts_s.values()) == pytest.approx(found.step_s)
    assert found.mfu[1] / found.mfu[0] == pytest.approx(found.step_s[0] / found.step_s[1])
    assert found.mfu[1] < found.mfu[0]


def test_each_kind_of_work_has_its_own_parts() -> None:
    serves, trains, answers = s.language((8, 8)), s.training(8, 64), s.requests(1)
    one = s.options()
    with pytest.raises(ValueError, match="decodes nothing"):
        decoding_parts_s(case(answers, s.BERT), one, np.ones(1))
    with pytest.raises(ValueError, match="no batches"):
        batch_parts_s(case(serves), one, np.ones(1))
    with pytest.raises(ValueError, match="is no training"):
        training_figures(case(serves), one)
    with pytest.raises(ValueError, match="no curve over the load"):
        curves_by_load(case(trains), one, ())
