"""`gpufleet init`: a first instance file, from a few questions or options."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.arguments import names_of
from gpufleet.cli.common import library_option, open_library

if TYPE_CHECKING:
    from gpufleet.cli.init_questions import Asking, Question
    from gpufleet.library import Library
    from gpufleet.library.starter import Starter
    from gpufleet.schema.resolved import ResolvedInstance

KINDS = ("llm_serving", "request_serving", "training")
SITES = ("on_prem", "private_cloud", "public_cloud")


@click.command("init")
@click.argument("file", type=click.Path(), default="my-fleet.yaml")
@click.option("--kind", type=click.Choice(KINDS), help="What the fleet must do.")
@click.option("--model", metavar="NAME", shell_complete=names_of("models"), help="Model card of the library.")
@click.option("--requests-per-s", metavar="RATE", help="Serving: requests per second at the peak.")
@click.option("--input-tokens", metavar="N", help="Language models: prompt tokens per request.")
@click.option("--output-tokens", metavar="N", help="Language models: generated tokens per request.")
@click.option("--ttft-ms", metavar="MS", help="Language models: p95 of the time to the first token.")
@click.option("--tpot-ms", metavar="MS", help="Language models: p95 of the mean time per output token.")
@click.option("--items", metavar="N", help="Other models: items per request.")
@click.option("--latency-ms", metavar="MS", help="Other models: p99 of the latency.")
@click.option("--samples", metavar="N", help="Training: samples per epoch.")
@click.option("--epochs", metavar="N", help="Training: passes over them.")
@click.option("--global-batch", metavar="N", help="Training: samples per optimizer step.")
@click.option("--sequence-tokens", metavar="N", help="Training: tokens per sample, of language models.")
@click.option("--deadline-days", metavar="DAYS", help="Training: days within which it must finish.")
@click.option("--accuracy", metavar="METRIC=VALUE", help="Least quality, as in mmlu=65; or none.")
@click.option("--site", type=click.Choice(SITES), help="Where the nodes stand.")
@click.option("--provider", metavar="NAME", help="Public cloud: provider, as in the catalogue.")
@click.option("--region", metavar="NAME", help="Public cloud: its name of the region.")
@click.option("--country", metavar="CODE", help="Country of the site, two letters.")
@click.option("--horizon-days", metavar="DAYS", help="Days that the question covers.")
@click.option("--budget-usd-per-day", metavar="USD", help="Most cost per day; or none.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the default where no option is given.")
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@library_option
def command(file: str, yes: bool, force: bool, libraries: tuple[str, ...], **given: str | None) -> None:
    """Write a commented first instance to FILE (default: my-fleet.yaml).

    Asks for what no option says. The file says what was assumed, is checked before it is written, and names the next
    steps.
    """
    from gpufleet.cli.init_questions import Asking
    from gpufleet.library import write_text
    from gpufleet.library.starter import starter_text

    _check_file(file, force)
    library = open_library(libraries)
    asking = Asking(library, {})
    assumed = _answered(asking, given, yes)
    text = starter_text(_starter(asking, assumed), library, file)
    resolved = _checked(file, text, library)
    write_text(text, file)
    _say(file, resolved, assumed, libraries)


def _check_file(file: str, force: bool) -> None:
    """Refuse what could not be written before anything is asked."""
    path = Path(file)
    if path.suffix not in (".yaml", ".yml"):
        raise click.BadParameter(f"{file!r} must end in .yaml or .yml, e.g. my-fleet.yaml", param_hint="FILE")
    if path.exists() and not force:
        message = f"{file!r} is there already; give another name, or --force to replace it"
        raise click.BadParameter(message, param_hint="FILE")
    if not path.absolute().parent.is_dir():
        raise click.BadParameter(f"the folder of {file!r} does not exist", param_hint="FILE")


def _answered(asking: Asking, given: dict[str, str | None], yes: bool) -> frozenset[str]:
    """Put all questions in turn; the names of those whose default nobody has seen."""
    from gpufleet.cli.init_questions import QUESTIONS, is_asked

    assumed = set()
    for question in QUESTIONS:
        value = given[question.name]
        if not is_asked(question, asking):
            if value is not None:
                raise click.UsageError(f"{question.flag} goes with {question.where}")
            continue
        if value is None and yes:
            assumed.add(question.name)
        asking.answers[question.name] = _answer(question, asking, value, yes)
    return frozenset(assumed)


def _answer(question: Question, asking: Asking, value: str | None, yes: bool) -> Any:
    """By option, by default, or at the prompt."""
    from gpufleet.cli.init_questions import prompt_of

    kind = question.type(asking)
    if value is None and not yes:
        default = question.default(asking)
        shown = int(default) if isinstance(default, float) and default.is_integer() else default
        return click.prompt(prompt_of(question, asking), default=shown, type=kind)
    try:
        return kind.convert(question.default(asking) if value is None else value, None, None)
    except click.BadParameter as error:
        raise click.BadParameter(error.message, param_hint=question.flag) from None


def _starter(asking: Asking, assumed: frozenset[str]) -> Starter:
    from gpufleet.library.starter import Starter

    answers = dict(asking.answers)
    return Starter(site_kind=answers.pop("site"), **answers, assumed=assumed)


def _checked(file: str, text: str, library: Library) -> ResolvedInstance:
    """The instance that the text is. Raises InputError, with nothing written, where it is none."""
    from gpufleet.library.reader import document_of
    from gpufleet.library.resolve import resolve_document

    return resolve_document(document_of(file, text), library)


def _say(file: str, resolved: ResolvedInstance, assumed: frozenset[str], libraries: tuple[str, ...]) -> None:
    """What is in the file, and what to do with it."""
    site = resolved.instance.sites[0]
    click.echo(f"Wrote {file}: {resolved.instance.title}, at {site.name}, {len(resolved.offers)} offers.")
    if assumed:
        click.echo(click.wrap_text(f"Defaults were taken for: {', '.join(sorted(assumed))}.", 80))
    more = [word for folder in libraries for word in ("--library", folder)]
    click.echo("Look it over, then:")
    for words in (["validate", file], ["solve", file, "--out", f"{Path(file).stem}-plan.yaml"]):
        click.echo(f"  {shlex.join(['gpufleet', *words, *more])}")
