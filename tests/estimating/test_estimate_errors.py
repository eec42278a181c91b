"""Everything that is wrong with a question is said at once, with field, value and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from gpufleet import InputError, Library, estimate_options


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def problems(library: Library, model: str, accelerator: str, **wishes: Any) -> dict[str, str]:
    with pytest.raises(InputError) as caught:
        estimate_options(model, accelerator, library=library, **wishes)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_unknown_names_together(library: Library) -> None:
    found = problems(library, "Llama-3.1_70", "H100", slo=["ttf:p95:1s", "bad"], engine="HuggingFace")
    assert found["model"] == "unknown model card 'Llama-3.1_70'; did you mean llama-3.1-70b?"
    assert found["accelerator"].endswith("write one of H100-NVL-94GB, H100-PCIe-80GB, H100-SXM-80GB")
    assert "did you mean ttft?" in found["slo[0].metric"]
    assert found["slo[1]"].endswith("as in ttft:p95:1000ms")
    assert found["engine"].startswith("unknown engine 'HuggingFace'")


def test_misspelt_accelerator_variant_and_node(library: Library) -> None:
    assert "did you mean MI300X-192GB?" in problems(library, "llama-3.1-8b", "MI300X-129GB")["accelerator"]
    found = problems(library, "llama-3.1-8b", "T4", variants=["int4-awk"], node="aws-g4dn.xlrge")
    assert found["variant"] == "unknown variant 'int4-awk'; did you mean int4-awq?"
    assert found["node"] == "unknown node type 'aws-g4dn.xlrge'; did you mean aws-g4dn.xlarge?"
    assert problems(library, "llama-3.1-8b", "T4", node="dgx-h100")["node"] == "dgx-h100 has H100-SXM-80GB, not T4"


def test_an_encoder_gives_no_tokens(library: Library) -> None:
    found = problems(library, "bert-large", "T4", output_tokens=5, slo=["ttft:p95:1s"], pipeline=[99])
    assert found["output_tokens"] == "bert-large is an encoder model, whose requests have no output tokens; give items"
    assert found["slo[0].metric"] == "bert-large gives no tokens, so no ttft; expected end_to_end"
    assert found["pipeline"] == "bert-large cannot run in 99 stages: it has 24 layers"
    assert "give input_tokens and output_tokens" in problems(library, "llama-3.1-8b", "T4", items=2)["items"]
    assert "not cut into stages" in problems(library, "resnet-50", "T4", pipeline=[2])["pipeline"]
    assert "have no tokens" in problems(library, "resnet-50", "T4", train=True, sequence_tokens=2)["sequence_tokens"]


def test_serving_and_training_do_not_mix(library: Library) -> None:
    assert "belongs to serving" in problems(library, "llama-3.1-8b", "T4", train=True, slo=["ttft:95:1s"])["slo"]
    found = problems(library, "llama-3.1-8b", "T4", zero=[1], recomputation=False)
    assert all("add train" in found[name] for name in ("zero", "recomputation"))


def test_sizes_that_cannot_be(library: Library) -> None:
    found = problems(library, "llama-3.1-70b", "H100-SXM-80GB", tensor=[3], batch=[0], input_tokens=200_000)
    assert found["tensor"] == "3 does not divide the 64 attention heads of llama-3.1-70b"
    assert found["batch"] == "must be at least 1, got 0"
    assert found["input_tokens"].endswith("the context of llama-3.1-70b ends at 131072")
    named = {"train": True, "data": [1000], "zero": [4]}
    found = problems(library, "llama-3.1-70b", "H100-SXM-80GB", **named)
    assert found["data"].startswith("1000 ranks share 512 samples")
    assert found["zero"] == "ZeRO stages are 0, 1, 2 and 3; got 4"
    assert "and no network" in problems(library, "llama-3.1-70b", "T4", accelerators=4, tensor=[8])["tensor"]


def test_numbers_out_of_range(library: Library) -> None:
    found = problems(library, "llama-3.1-8b", "T4", max_utilisation=1.5, output_tokens=0, slo=["ttft:101:1s"])
    assert "got 0" in found["output_tokens"]
    assert "got 101.0" in found["slo[0].percentile"]
    assert (
        problems(library, "llama-3.1-8b", "T4", max_utilisation=1.5)["max_utilisation"] == "must be at most 1, got 1.5"
    )
    assert (
        "duplicate" in problems(library, "llama-3.1-8b", "T4", slo=["ttft:95:1s", "ttft:p95:2s"])["slo[1].percentile"]
    )


def test_nodes_that_contradict_each_other(library: Library) -> None:
    named = {"node": "dgx-h100", "accelerators": 4, "network_gb_s": 3.0}
    found = problems(library, "llama-3.1-8b", "H100-SXM-80GB", **named)
    assert set(found) == {"accelerators", "network_gb_s"}
    assert (
        "name a node type" in problems(library, "llama-3.1-8b", "Xeon-Platinum-8488C", accelerators=2)["accelerators"]
    )
