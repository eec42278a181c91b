"""`gpufleet import`: other tools' files to instances, model cards and measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import library_option, open_library
from gpufleet.cli.import_measurements import measurements

if TYPE_CHECKING:
    import datetime

    from gpufleet.schema.instance import Instance


OUT = click.option("--out", metavar="FILE", help="Instance file to write (.yaml, .yml or .json); default: print it.")


@click.group("import")
def command() -> None:
    """Turn other tools' files into instances, model cards, or measurements for an instance."""


command.add_command(measurements)


@command.command("melange")
@click.argument("file", type=click.Path())
@OUT
@click.option(
    "--accelerator", "names", multiple=True, metavar="GPU=NAME", help="Catalogue name of a GPU in the file. Repeatable."
)
@library_option
def melange(file: str, out: str | None, names: tuple[str, ...], libraries: tuple[str, ...]) -> None:
    """Import a Mélange configuration (JSON) as a `profiled` instance."""
    from gpufleet.library import import_melange

    pairs = dict(_pair(name) for name in names)
    instance = import_melange(file, accelerators=pairs, library=open_library(libraries))
    _give(instance, out)


@command.command("trace")
@click.argument("trace", type=click.Path())
@click.option("--into", required=True, metavar="FILE", help="Instance whose workload gets the traffic.")
@click.option("--workload", required=True, metavar="NAME", help="An llm_serving workload of that instance.")
@OUT
@click.option(
    "--percentile",
    type=click.FloatRange(0, 100, min_open=True),
    default=95.0,
    show_default=True,
    help="Of an hour's minutes, the one that sets its rate.",
)
@click.option(
    "--scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Factor on all rates."
)
@library_option
def trace(
    trace: str, into: str, workload: str, out: str | None, percentile: float, scale: float, libraries: tuple[str, ...]
) -> None:
    """Take request classes and hourly demand from a TRACE in the format of the Azure LLM inference traces.

    The CSV has the columns TIMESTAMP, ContextTokens, GeneratedTokens.
    """
    from gpufleet.library import load_instance, read_trace, with_trace

    requests = read_trace(trace)
    instance = load_instance(into, open_library(libraries)).instance
    changed = with_trace(instance, workload, requests, percentile=percentile, scale=scale)
    hours = len(changed.periods) or 1
    click.echo(f"{trace}: {len(requests):,} requests over {hours} hours of the day", err=True)
    _give(changed, out)


@command.command("hf-config")
@click.argument("file", type=click.Path())
@click.option("--name", help="Name of the card; default: the repository's, in small letters.")
@click.option("--out", metavar="CARD", help="Model card to write (.yaml, .yml or .json); default: print it.")
@click.option("--quant-config", metavar="FILE", help="The repository's hf_quant_config.json, if it has one.")
@click.option("--source", help="Where the file comes from, for the card; default: what its name or content says.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day on which the figures held.")
@click.option(
    "--sequence-tokens", type=click.IntRange(min=1), help="Encoders: tokens per item; default: the longest input."
)
@click.option(
    "--ignore-key",
    "ignored",
    multiple=True,
    metavar="KEY",
    help="A key that changes no weight and no cache. Repeatable.",
)
def hf_config(
    file: str, name: str | None, out: str | None, quant_config: str | None, source: str | None,
    as_of: datetime.datetime | None, sequence_tokens: int | None, ignored: tuple[str, ...],
) -> None:  # fmt: skip
    """Make a model card from the config.json of a Hugging Face repository.

    Parameters are counted tensor by tensor. An architecture, layer type or key that is not known is an error, never a
    guess. The card has no accuracy figures: add those that you have.
    """
    from gpufleet.library import Wishes, import_hf_config, model_card_text, write_model_card

    day = as_of.date() if as_of else None
    wishes = Wishes(name, source, day, sequence_tokens, frozenset(ignored))
    card = import_hf_config(file, quant_config, wishes)
    active = f", {card.active_parameters:,.0f} active" if card.active_parameters else ""
    click.echo(f"{file}: {card.parameters:,.0f} parameters{active}", err=True)
    if out is None:
        click.echo(model_card_text(card), nl=False)
        return
    write_model_card(card, out)
    click.echo(f"wrote {out}: put it into the models folder of a --library, and name it in a workload as {card.name}")


def _give(instance: Instance, out: str | None) -> None:
    """Write the instance, or print it when no file is named."""
    from gpufleet.library import instance_text, write_instance

    if out is None:
        click.echo(instance_text(instance), nl=False)
        return
    write_instance(instance, out)
    click.echo(f"wrote {out}: solve it with gpufleet solve {out}")


def _pair(text: str) -> tuple[str, str]:
    gpu, equals, name = text.partition("=")
    if not (gpu and equals and name):
        raise click.BadParameter(
            f"{text!r} is no pair; write GPU=NAME, as in A100-80GB=A100-SXM-80GB", param_hint="--accelerator"
        )
    return gpu, name
