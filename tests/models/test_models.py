"""The bundled model cards: they parse, validate, and agree with what their publishers state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gpufleet import Library
from gpufleet.schema.models import Convolutional, Decoder, ModelCard, Recommender

FOLDER = Path(__file__).resolve().parents[2] / "models"
FILES = sorted(FOLDER.glob("*.yaml"))
LIBRARY = Library.open()

REQUIRED = [
    "bert-large",
    "resnet-50",
    "3d-unet-kits19",
    "3d-unet-brats",
    "dlrm",
    "dlrm-v2",
    "retinanet",
    "rnnt",
    "ssd-resnet34",
    "stable-diffusion-xl",
    "gpt-j-6b",
    "gpt-3-175b",
    "bloom-176b",
    "bloomz-560m",
    "llama-2-70b",
    "llama-3.1-8b",
    "llama-3.1-70b",
    "llama-3.1-405b",
    "llama-3.3-70b",
    "mixtral-8x7b",
    "mixtral-8x22b",
    "qwen3-0.6b",
    "qwen3-8b",
    "qwen3-32b",
    "qwen3-30b-a3b",
    "qwen3-235b-a22b",
    "deepseek-v3",
    "deepseek-r1",
    "kimi-k2",
    "gpt-oss-20b",
    "gpt-oss-120b",
    "llama-4-maverick",
    "gemma-4-26b-a4b",
    "glm-5",
    "unet3d-15b",
    "dlrm-ecommerce",
    "bloomz-560m-8k",
]

# Totals as published (model cards, papers, safetensors metadata), not as counted here.
PUBLISHED_PARAMETERS = {
    "bert-large": 334_094_338,
    "bge-m3": 568e6,
    "bloom-176b": 176_247_271_424,
    "bloomz-560m": 559_214_592,
    "deepseek-v3": 671e9,
    "gemma-4-26b-a4b": 25.2e9,
    "glm-5": 744e9,
    "gpt-3-175b": 174.6e9,
    "gpt-j-6b": 6_050_882_784,
    "gpt-oss-120b": 116.83e9,
    "gpt-oss-20b": 20.91e9,
    "kimi-k2": 1.03e12,
    "llama-2-70b": 68_976_648_192,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.3-70b": 70_553_706_496,
    "llama-4-maverick": 400e9,
    "mixtral-8x22b": 140_620_634_112,
    "mixtral-8x7b": 46_702_792_704,
    "qwen3-0.6b": 596_049_920,
    "qwen3-235b-a22b": 235.09e9,
    "qwen3-30b-a3b": 30.53e9,
    "qwen3-32b": 32.76e9,
    "qwen3-8b": 8.19e9,
    "resnet-50": 25_557_032,
    "ssd-resnet34": 36.3e6,
}

PUBLISHED_ACTIVE = {
    "deepseek-r1": 37e9,
    "deepseek-v3": 37e9,
    "gemma-4-26b-a4b": 3.8e9,
    "kimi-k2": 32e9,
    "llama-4-maverick": 17e9,
    "mixtral-8x22b": 39e9,
    "mixtral-8x7b": 12.9e9,
    "qwen3-235b-a22b": 22e9,
    "qwen3-30b-a3b": 3.3e9,
}

KV_BYTES_PER_TOKEN = {
    "llama-3.1-8b": 131_072,
    "llama-3.1-70b": 327_680,
    "llama-3.1-405b": 516_096,
    "llama-2-70b": 327_680,
    "mixtral-8x7b": 131_072,
    "gpt-j-6b": 458_752,
    "gpt-3-175b": 4_718_592,
    "deepseek-v3": 576 * 61 * 2,
    "kimi-k2": 576 * 61 * 2,
    "glm-5": 576 * 78 * 2,
    "qwen3-30b-a3b": 2 * 48 * 4 * 128 * 2,
}
"""Cache bytes of one token over all layers at 2 bytes per number."""

QUANTISED = {"ptq", "qat", "awq", "gptq"}


def card(name: str) -> ModelCard:
    return ModelCard.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def decoders() -> list[str]:
    return [path.stem for path in FILES if isinstance(card(path.stem).architecture, Decoder)]


def kv_bytes_per_token(decoder: Decoder) -> int:
    attention = decoder.attention
    if attention.kind == "mla":
        assert attention.latent_dim is not None
        return 2 * decoder.layers * attention.latent_dim
    return 2 * 2 * decoder.layers * attention.kv_heads * attention.head_dim


def test_the_catalogue_is_complete() -> None:
    names = {path.stem for path in FILES}
    assert len(names) >= 34
    assert set(REQUIRED) - names == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEveryCard:
    def test_is_a_valid_card_named_as_its_file(self, path: Path) -> None:
        assert card(path.stem).name == path.stem

    def test_every_variant_has_a_sourced_accuracy(self, path: Path) -> None:
        for variant in card(path.stem).variants:
            assert variant.accuracy, f"{variant.name} has no accuracy"
            metrics = [figure.metric for figure in variant.accuracy]
            assert len(set(metrics)) == len(metrics)

    def test_quantised_variants_name_their_origin(self, path: Path) -> None:
        for variant in card(path.stem).variants:
            assert variant.method not in QUANTISED or variant.derived_from is not None, variant.name

    def test_all_variants_share_the_first_ones_metrics(self, path: Path) -> None:
        variants = card(path.stem).variants
        expected = {figure.metric for figure in variants[0].accuracy}
        for variant in variants:
            assert {figure.metric for figure in variant.accuracy} == expected, variant.name

    def test_quantisation_gains_no_more_than_noise(self, path: Path) -> None:
        variants = {variant.name: variant for variant in card(path.stem).variants}
        for variant in variants.values():
            if variant.method not in QUANTISED:
                continue
            before = {figure.metric: figure.value for figure in variants[variant.derived_from].accuracy}
            for figure in variant.accuracy:
                assert figure.value <= before[figure.metric] * 1.01, variant.name

    def test_a_word_says_so_where_a_figure_is_assumed(self, path: Path) -> None:
        one = card(path.stem)
        assert not one.assumed or re.search("assumed", one.note or "", re.IGNORECASE)
        for variant in one.variants:
            for figure in variant.accuracy:
                if figure.source.startswith("Assumed"):
                    assert figure.assumed, f"{variant.name} {figure.metric}"

    def test_numbers_read_alike_in_yaml_1_1_and_1_2(self, path: Path) -> None:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.fullmatch(r"\s*[a-z_]+: [0-9]+(e[0-9]+|\.[0-9]*e[0-9]+)", line), line

    def test_mentions_no_local_path(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(^|\s)(/[a-z]+/|\.\./|~/)", text)


@pytest.mark.parametrize(("name", "published"), PUBLISHED_PARAMETERS.items())
def test_parameters_agree_with_the_published_total(name: str, published: float) -> None:
    assert card(name).parameters == pytest.approx(published, rel=0.005)


@pytest.mark.parametrize(("name", "published"), PUBLISHED_ACTIVE.items())
def test_active_parameters_agree_with_the_published_figure(name: str, published: float) -> None:
    assert card(name).active_parameters == pytest.approx(published, rel=0.03)


@pytest.mark.parametrize(("name", "expected"), [("gpt-oss-20b", 3.61e9), ("gpt-oss-120b", 5.13e9)])
def test_gpt_oss_publishes_active_parameters_without_the_input_embedding(name: str, expected: float) -> None:
    one = card(name)
    assert isinstance(one.architecture, Decoder)
    assert one.active_parameters is not None
    embedding = one.architecture.vocabulary * one.architecture.hidden_size
    assert one.active_parameters - embedding == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("name", decoders())
def test_experts_explain_the_gap_between_all_and_active_parameters(name: str) -> None:
    one = card(name)
    assert isinstance(one.architecture, Decoder)
    if not one.architecture.experts:
        assert one.active_parameters is None
        return
    assert one.active_parameters is not None
    idle = one.architecture.expert_parameters * (1 - one.architecture.experts_per_token / one.architecture.experts)
    assert one.parameters - one.active_parameters == pytest.approx(idle, rel=1e-9)


@pytest.mark.parametrize(("name", "expected"), KV_BYTES_PER_TOKEN.items())
def test_cache_bytes_per_token(name: str, expected: int) -> None:
    architecture = card(name).architecture
    assert isinstance(architecture, Decoder)
    assert kv_bytes_per_token(architecture) == expected


@pytest.mark.parametrize(
    ("name", "variant", "gigabytes"),
    [
        ("gpt-oss-20b", "mxfp4", 13.76),
        ("gpt-oss-120b", "mxfp4", 65.25),
        ("llama-3.1-8b", "fp8", 9.08),
        ("llama-3.1-70b", "fp8", 72.6),
        ("llama-3.1-70b", "int4-awq", 39.8),
    ],
)
def test_stored_size_agrees_with_the_published_checkpoint(name: str, variant: str, gigabytes: float) -> None:
    one = card(name)
    bits = next(each.bits_per_weight for each in one.variants if each.name == variant)
    assert one.parameters * bits / 8e9 == pytest.approx(gigabytes, rel=0.025)


def test_the_segmentation_case_takes_ten_days_on_64_a100() -> None:
    architecture = card("unet3d-15b").architecture
    assert isinstance(architecture, Convolutional)
    training_flops = 3 * architecture.flops_per_item * 200_000 * 20
    days = training_flops / (64 * 312e12 * 0.45) / 86_400
    assert days == pytest.approx(10, abs=0.2)


def test_only_quantisation_breaks_the_segmentation_floor() -> None:
    passing = {v.name for v in card("unet3d-15b").variants for a in v.accuracy if a.value >= 0.92}
    assert passing == {"fp32", "tf32", "mixed-fp16", "mixed-bf16"}


def test_the_recommender_case_serves_33_thousand_requests_on_a_t4() -> None:
    one = card("dlrm-ecommerce")
    assert isinstance(one.architecture, Recommender)
    rate = 0.35 * 130e12 / (20 * one.architecture.flops_per_item)
    assert 30e3 <= rate <= 34e3
    assert rate * 20 * one.architecture.host_bytes_per_item < 12e9 / 10
    sizes = {v.name: one.parameters * v.bits_per_weight / 8e9 for v in one.variants}
    assert sizes["int8-ptq"] < 8
    assert sizes["fp32"] > 16


def test_the_bank_reaches_its_floor_in_four_bits_only_after_retraining() -> None:
    accuracy = {v.name: a.value for v in card("bloomz-560m-8k").variants for a in v.accuracy}
    assert accuracy["int4-qat"] == 0.987
    assert accuracy["int4-ptq"] < accuracy["int4-qat"] <= accuracy["int8-ptq"] <= accuracy["bf16"]


def test_a_mlperf_recommender_sample_is_270_pairs() -> None:
    architecture = card("dlrm").architecture
    assert isinstance(architecture, Recommender)
    assert 270 * architecture.host_bytes_per_item == pytest.approx(32_400)
    assert 270 * architecture.flops_per_item == pytest.approx(1.3e9, rel=0.01)


@pytest.mark.parametrize(
    ("model", "accelerator", "runs"),
    [
        ("qwen3-32b", "Ascend-910B3", True),
        ("qwen3-32b", "Ascend-910A", False),
        ("qwen3-32b", "MI300X-192GB", True),
        ("llama-3.1-8b", "TPU-v5e", True),
        ("llama-3.1-8b", "EPYC-9654", True),
        ("llama-3.1-8b", "A100-SXM-80GB-1g.10gb", True),
        ("llama-3.1-8b", "P100-SXM2-16GB", False),
        ("llama-3.1-70b", "MLU370-X8", False),
        ("bge-m3", "Xeon-Platinum-8480+", True),
        ("bge-m3", "TPU-v5e", False),
        ("dlrm-ecommerce", "MI300X-192GB", False),
        ("dlrm-ecommerce", "EPYC-9654", True),
    ],
)
def test_software_support_as_published(model: str, accelerator: str, runs: bool) -> None:
    card, unit = LIBRARY.model(model), LIBRARY.accelerators[accelerator]
    assert any(runtime.runs(unit, variant) for runtime in card.runtimes for variant in card.variants) == runs


def test_runtimes_name_vendors_and_families_of_the_catalogue() -> None:
    """A misspelt vendor or family would silently rule an accelerator out."""
    units = LIBRARY.accelerators.values()
    for name in LIBRARY.model_names:
        for runtime in LIBRARY.model(name).runtimes:
            assert set(runtime.vendors or ()) <= {unit.vendor for unit in units}, name
            assert set(runtime.families or ()) <= {unit.family for unit in units}, name
            assert any(runtime.runs(unit, LIBRARY.model(name).variants[0]) for unit in units), name
