"""Encoders: BERT, RoBERTa and XLM-RoBERTa, DistilBERT, ModernBERT, with the head that their class stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.network import Network
from gpufleet.library.importers.hf.style import MOST_LAYERS
from gpufleet.library.importers.hf.tensors import Part, Tensor, linear, norm, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.library.importers.hf.config import Config

_TASKS: Final = ("QuestionAnswering", "TokenClassification", "SequenceClassification")
_HEADS_LEFT_OUT: Final = ("MaskedLM", "PreTraining", "CausalLM", "LMHead")


def bert(config: Config) -> Network:
    """BERT: learned positions and segments; pooler unless the task has none."""
    return _bert_like(config, positions=0)


def roberta(config: Config) -> Network:
    """RoBERTa, XLM-RoBERTa: BERT with two positions that carry no token (padding_idx + 1)."""
    return _bert_like(config, positions=config.count("pad_token_id", default=1, least=0) + 1)


def _bert_like(config: Config, positions: int) -> Network:
    layers, hidden = config.count("num_hidden_layers", most=MOST_LAYERS), config.count("hidden_size")
    heads, inner = config.count("num_attention_heads"), config.count("intermediate_size", default=4 * hidden)
    vocabulary, rows = config.count("vocab_size"), config.count("max_position_embeddings", default=512)
    segments = config.count("type_vocab_size", default=1 if positions else 2, least=0)
    config.must_be("position_embedding_type", "absolute", ["absolute"])
    if hidden % heads:
        config.clash("hidden_size", f"{hidden} is no multiple of num_attention_heads {heads}; correct one of them")
    task = _task(config)

    def tensors() -> Iterator[Tensor]:
        for name, size in (("word", vocabulary), ("position", rows), ("token_type", segments)):
            yield from table(f"embeddings.{name}_embeddings", size, hidden)
        yield from norm("embeddings.LayerNorm", hidden, bias=True, part=Part.EMBEDDING)
        for layer in range(layers):
            yield from _block(f"encoder.layer.{layer}", hidden, inner)
        yield from _head(config, task, hidden, classifies_apart=bool(positions))

    context = max(rows - positions, 1)
    return Network(tuple(tensors()), layers, hidden, vocabulary, context, None, remarks=tuple(_remarks(config, task)))


def _block(block: str, hidden: int, inner: int) -> Iterator[Tensor]:
    for name in ("query", "key", "value"):
        yield from linear(f"{block}.attention.self.{name}", hidden, hidden, bias=True)
    yield from linear(f"{block}.attention.output.dense", hidden, hidden, bias=True)
    yield from norm(f"{block}.attention.output.LayerNorm", hidden, bias=True)
    yield from linear(f"{block}.intermediate.dense", hidden, inner, bias=True)
    yield from linear(f"{block}.output.dense", inner, hidden, bias=True)
    yield from norm(f"{block}.output.LayerNorm", hidden, bias=True)


def _task(config: Config) -> str | None:
    """What the published class adds to the encoder; None: nothing but its pooler."""
    stated = config.given(["architectures"])[1] or []
    name = str(stated[0]) if isinstance(stated, list) and stated else ""
    task = name.partition("For")[2]
    known = (*_TASKS, *_HEADS_LEFT_OUT, "")
    if task not in known:
        listed = ", ".join(word for word in known if word)
        config.add("architectures", f"{name} has a head that is not known; known: {listed}, or the model without head")
    return task or None


def _labels(config: Config) -> int:
    labels = config.given(["id2label"])[1]
    return len(labels) if isinstance(labels, dict) and labels else config.count("num_labels", "_num_labels", default=2)


def _head(config: Config, task: str | None, hidden: int, *, classifies_apart: bool) -> Iterator[Tensor]:
    """Pooler and classifier; RoBERTa's classifier has a dense layer in the place of the pooler."""
    if task not in ("QuestionAnswering", "TokenClassification"):
        module = "classifier.dense" if task == "SequenceClassification" and classifies_apart else "pooler.dense"
        yield from linear(module, hidden, hidden, bias=True)
    if task in _TASKS:
        labels = 2 if task == "QuestionAnswering" else _labels(config)
        yield from linear("classifier.out", hidden, labels, bias=True, part=Part.HEAD)


def _remarks(config: Config, task: str | None) -> Iterator[str]:
    if task in _HEADS_LEFT_OUT:
        yield f"Encoder and pooler without the head of {config.values['architectures'][0]}."
    yield "active_parameters leaves out the embedding tables (look-ups, no arithmetic)."


def distilbert(config: Config) -> Network:
    """DistilBERT: BERT without segments and pooler."""
    layers, hidden = config.count("n_layers", most=MOST_LAYERS), config.count("dim")
    inner, vocabulary = config.count("hidden_dim", default=4 * hidden), config.count("vocab_size")
    rows, heads = config.count("max_position_embeddings", default=512), config.count("n_heads")
    if hidden % heads:
        config.clash("dim", f"{hidden} is no multiple of n_heads {heads}; correct one of them")

    def tensors() -> Iterator[Tensor]:
        yield from table("embeddings.word_embeddings", vocabulary, hidden)
        yield from table("embeddings.position_embeddings", rows, hidden)
        yield from norm("embeddings.LayerNorm", hidden, bias=True, part=Part.EMBEDDING)
        for layer in range(layers):
            yield from _block(f"transformer.layer.{layer}", hidden, inner)

    remarks = ("The encoder without any head. active_parameters leaves out the embedding tables.",)
    return Network(tuple(tensors()), layers, hidden, vocabulary, rows, None, remarks=remarks)


def modernbert(config: Config) -> Network:
    """ModernBERT: rotary, gated feed-forward part, no norm before the first attention, biases as stated."""
    layers, hidden = config.count("num_hidden_layers", most=MOST_LAYERS), config.count("hidden_size")
    inner, vocabulary = config.count("intermediate_size"), config.count("vocab_size")
    rows = config.count("max_position_embeddings", default=8192)
    config.count("num_attention_heads")
    attention, mlp, norms = (config.flag(f"{part}_bias", default=False) for part in ("attention", "mlp", "norm"))
    for key in (
        "local_attention",
        "global_attn_every_n_layers",
        "classifier_bias",
        "classifier_pooling",
        "decoder_bias",
    ):
        config.given([key])
    for key in ("position_embedding_type", "layer_types", "norm_bias", "sparse_prediction", "repad_logits_with_grad"):
        config.given([key])

    def tensors() -> Iterator[Tensor]:
        yield from table("embeddings.tok_embeddings", vocabulary, hidden)
        yield from norm("embeddings.norm", hidden, bias=norms, part=Part.EMBEDDING)
        for layer in range(layers):
            if layer:
                yield from norm(f"layers.{layer}.attn_norm", hidden, bias=norms)
            yield from linear(f"layers.{layer}.attn.Wqkv", hidden, 3 * hidden, bias=attention)
            yield from linear(f"layers.{layer}.attn.Wo", hidden, hidden, bias=attention)
            yield from norm(f"layers.{layer}.mlp_norm", hidden, bias=norms)
            yield from linear(f"layers.{layer}.mlp.Wi", hidden, 2 * inner, bias=mlp)
            yield from linear(f"layers.{layer}.mlp.Wo", inner, hidden, bias=mlp)
        yield from norm("final_norm", hidden, bias=norms)

    remarks = (
        "The encoder without any head; layers with local attention are taken to see the whole input. "
        "active_parameters leaves out the embedding tables.",
    )
    return Network(tuple(tensors()), layers, hidden, vocabulary, rows, None, remarks=remarks)


COUNTERS: Final[dict[str, Callable[[Config], Network]]] = {
    "bert": bert, "roberta": roberta, "xlm-roberta": roberta, "camembert": roberta, "distilbert": distilbert,
    "modernbert": modernbert,
}  # fmt: skip
"""By `model_type`."""
