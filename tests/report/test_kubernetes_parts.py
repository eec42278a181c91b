"""Names, clock, devices and engine arguments of Kubernetes manifests."""

from __future__ import annotations

import pytest

from gpufleet.library import Library
from gpufleet.report.kubernetes.accelerators import device
from gpufleet.report.kubernetes.clock import Window, merged, parse_window, triggers
from gpufleet.report.kubernetes.engines import FULL, engine_of, form_of
from gpufleet.report.kubernetes.names import hashed, label_value, slug
from gpufleet.schema.models import Decoder, Variant

LIBRARY = Library.open()


def test_names_are_labels_and_stay_apart() -> None:
    assert slug("Chat (v2) @ a100.4x") == "chat-v2-a100-4x"
    assert slug("8-bit") == "x-8-bit"
    long = slug("a" * 80)
    assert len(long) == 50
    assert long != slug("a" * 81)
    assert hashed("chat", "one") != hashed("chat", "two")
    assert hashed("chat", "one") == hashed("chat", "one")
    assert label_value("own data/centre ") == "own_data_centre"


@pytest.mark.parametrize(
    ("text", "window", "cron"),
    [
        ("22:00-06:00", Window(22 * 60, 8 * 60), ("0 22 * * *", "0 6 * * *")),
        ("mon-fri 08:30-18:00", Window(510, 570, (1, 2, 3, 4, 5)), ("30 8 * * 1,2,3,4,5", "0 18 * * 1,2,3,4,5")),
        ("fri-mon 22:00-02:00", Window(1320, 240, (0, 1, 5, 6)), ("0 22 * * 0,1,5,6", "0 2 * * 0,1,2,6")),
        ("00:00-24:00", Window(0, 1440), ("0 0 * * *", "0 0 * * *")),
    ],
)
def test_windows_are_read_and_said_to_cron(text: str, window: Window, cron: tuple[str, str]) -> None:
    assert parse_window(text) == window
    assert window.cron == cron


@pytest.mark.parametrize("text", ["", "night", "25:00-06:00", "10:00", "foo 10:00-12:00", "10:75-12:00"])
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it as in 22:00-06:00"):
        parse_window(text)


def test_hours_with_the_same_number_become_one_trigger_also_over_midnight() -> None:
    counts = [3 if hour >= 22 or hour < 2 else 1 if hour < 8 else 2 for hour in range(24)]
    hours = [(Window(hour * 60, 60), count) for hour, count in enumerate(counts)]
    assert sorted(merged(hours)) == [(Window(120, 360), 1), (Window(480, 840), 2), (Window(1320, 240), 3)]
    found = triggers(hours, 1, "Asia/Kolkata")
    assert [trigger["metadata"]["desiredReplicas"] for trigger in found] == ["2", "3"]  # type: ignore[index]
    covered = dict.fromkeys(range(24), 1)
    for window, count in merged(hours):
        covered |= {(window.start // 60 + k) % 24: count for k in range(window.minutes // 60)}
    assert list(covered.values()) == counts


def test_every_accelerator_of_the_catalogue_has_a_resource_or_says_that_it_has_none() -> None:
    found = {name: device(LIBRARY.accelerators[name]) for name in LIBRARY.accelerators}
    assert found["H100-SXM-80GB"].resource == "nvidia.com/gpu"
    assert found["A100-SXM-80GB-1g.10gb"].resource == "nvidia.com/mig-1g.10gb"
    assert found["MI300X-192GB"].resource == "amd.com/gpu"
    assert found["TPU-v5e"].resource == "google.com/tpu"
    assert found["Trainium1"].resource == "aws.amazon.com/neuron"
    assert all(one.known for one in found.values())
    assert {name for name, one in found.items() if one.resource is None} == {
        name for name in found if LIBRARY.accelerators[name].kind == "cpu"
    }


@pytest.mark.parametrize(
    ("accelerator", "variant", "expected"),
    [
        ("H100-SXM-80GB", Variant(name="v", precision="bf16"), ["--dtype=bfloat16", "--kv-cache-dtype=auto"]),
        (
            "H100-SXM-80GB",
            Variant(name="v", precision="fp8", method="ptq"),
            ["--dtype=auto", "--quantization=fp8", "--kv-cache-dtype=fp8"],
        ),
        ("H100-SXM-80GB", Variant(name="v", precision="fp8"), ["--dtype=auto", "--kv-cache-dtype=fp8"]),
        (
            "T4",
            Variant(name="v", precision="int4", compute="fp16", method="awq"),
            ["--dtype=float16", "--quantization=awq", "--kv-cache-dtype=auto"],
        ),
        (
            "A100-SXM-80GB",
            Variant(name="v", precision="int4", compute="bf16", method="awq"),
            ["--dtype=bfloat16", "--quantization=awq_marlin", "--kv-cache-dtype=auto"],
        ),
        (
            "L40S",
            Variant(name="v", precision="int8", method="ptq"),
            ["--dtype=auto", "--quantization=compressed-tensors", "--kv-cache-dtype=fp8"],
        ),
    ],
)
def test_known_forms_have_their_arguments(accelerator: str, variant: Variant, expected: list[str]) -> None:
    found = form_of(variant, LIBRARY.accelerators[accelerator])
    assert list(found.arguments) == expected
    assert not found.warnings


@pytest.mark.parametrize(
    ("accelerator", "precision", "method", "named"),
    [
        ("MI300X-192GB", "int8", "ptq", "format-not-mapped"),
        ("B200-SXM-180GB", "int8", "ptq", "format-not-mapped"),
        ("A100-SXM-80GB", "tf32", "native", "format-not-mapped"),
        ("A100-SXM-80GB", "fp8", "ptq", "format-not-mapped"),
        ("Ascend-910B3", "int8", "ptq", "format-not-mapped"),
        ("A100-SXM-80GB", "int8", "ptq", "kv-cache-16-bit"),
    ],
)
def test_what_vllm_is_not_known_to_run_is_named(accelerator: str, precision: str, method: str, named: str) -> None:
    found = form_of(Variant(name="v", precision=precision, method=method), LIBRARY.accelerators[accelerator])  # type: ignore[arg-type]
    assert [warning.partition(":")[0] for warning in found.warnings] == [named]
    if named == "format-not-mapped":
        assert not any(word.startswith("--quantization") for word in found.arguments)


def test_every_decoder_of_the_library_has_arguments_or_a_warning_on_every_accelerator() -> None:
    cards = [LIBRARY.model(name) for name in LIBRARY.model_names]
    accelerators = [LIBRARY.accelerators[name] for name in LIBRARY.accelerators]
    said = 0
    for card in (card for card in cards if isinstance(card.architecture, Decoder)):
        for variant in card.variants:
            for accelerator in accelerators:
                found = form_of(variant, accelerator)
                assert found.arguments or found.warnings
                assert found.checkpoint
                said += engine_of(accelerator) in FULL and not found.warnings
    assert said > 1000
