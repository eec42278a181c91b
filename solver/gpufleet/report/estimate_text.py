"""An estimate as tables: rates, latencies, memory, where the time goes, and what does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.estimate_words import (
    PARTS,
    metric_words,
    node_words,
    option_words,
    question_words,
    step_words,
    throughput_unit,
)
from gpufleet.report.format import figure, percent
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.estimate import (
        EstimatedOption,
        EstimateResult,
        RejectedOption,
        ServingEstimate,
        TrainingEstimate,
    )

REASONS_SHOWN = 12


def estimate_text(result: EstimateResult, top: int, explain: bool = False) -> Iterator[RenderableType]:
    """The `top` best options, and every reason why others do not run."""
    yield Text(f"{result.question.model} on {result.question.accelerator}", style="bold")
    yield _line(question_words(result.question))
    yield _line(node_words(result.question))
    options = result.options[:top]
    yield _count(result, len(options))
    if options:
        yield from _tables(result, options)
        if explain:
            yield from _explained(options[0])
        yield _provenance(options)
    if result.rejected:
        yield _section("Does not run")
        yield from _reasons(result.rejected)


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold"), (1, 0, 0, 0))


def _line(words: str) -> RenderableType:
    return Padding(Text(words), (0, 0, 0, 2))


def _count(result: EstimateResult, shown: int) -> RenderableType:
    if not result.options:
        return Text(f"NOTHING RUNS: none of {result.tried:,} settings keeps every limit.", style="bold red")
    found = len(result.options)
    here = f"the best {shown} of {found} options" if shown < found else f"{found} option{'s' if found > 1 else ''}"
    order = f"in the order of {throughput_unit(result.question)} per accelerator"
    return Text(f"{result.feasible:,} of {result.tried:,} settings run; {here}, {order}:", style="green")


def _tables(result: EstimateResult, options: Sequence[EstimatedOption]) -> Iterator[RenderableType]:
    if result.question.kind == "training":
        yield _section("Options")
        yield _trained(options)
        yield _section("Speed")
        yield _speed(result, options)
    else:
        yield _section("Highest rate inside the limits")
        yield _rates(result, options)
        yield _section("Latency at that rate, ms")
        yield _latencies(options)
    yield _section("Memory of the fullest accelerator, GB")
    yield _memory(options)


def _rates(result: EstimateResult, options: Sequence[EstimatedOption]) -> RenderableType:
    unit = throughput_unit(result.question)
    numeric = ("#", "batch", "req/s", "satur.", unit, "per acc.")
    grid = table("#", "option", *numeric[1:], "bottleneck", numeric=numeric)
    for number, option in enumerate(options, 1):
        serving = _serving(option)
        rates = (serving.requests_per_s, serving.saturation_requests_per_s)
        throughputs = (serving.throughput_per_s, serving.throughput_per_accelerator_per_s)
        cells = (_three(value) for value in (*rates, *throughputs))
        grid.add_row(str(number), option_words(option), str(option.batch), *cells, _bottleneck(option))
    return grid


def _serving(option: EstimatedOption) -> ServingEstimate:
    assert option.serving is not None
    return option.serving


def _three(value: float) -> str:
    """Three significant digits: what an estimate is good for."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _bottleneck(option: EstimatedOption) -> str:
    return {"memory_bandwidth": "memory bandw.", "kv_capacity": "KV capacity"}.get(
        option.bottleneck, option.bottleneck.replace("_", " ")
    )


def _latencies(options: Sequence[EstimatedOption]) -> RenderableType:
    first = _serving(options[0]).latencies
    together = "per batch" if "batch" in options[0].parts_s else "in flight"
    columns = [together, *(metric_words(one) for one in first)]
    grid = table("#", "option", *columns, numeric=("#", *columns))
    for number, option in enumerate(options, 1):
        serving = _serving(option)
        values = (serving.concurrency, *(one.predicted_ms for one in serving.latencies))
        grid.add_row(str(number), option_words(option), *(_three(value) for value in values))
    if any(one.limit_ms for one in first):
        limits = (_three(one.limit_ms) if one.limit_ms else "" for one in first)
        grid.add_row("", "limit", "", *limits, style="dim")
    return grid


def _memory(options: Sequence[EstimatedOption]) -> RenderableType:
    names = list(options[0].memory_parts_gb)
    columns = [PARTS.get(name, name) for name in names]
    # the parts of training leave no room for names of 20 letters
    named = ("option",) if options[0].serving else ()
    grid = table("#", *named, *columns, "total", "of", numeric=("#", *columns, "total", "of"))
    for number, option in enumerate(options, 1):
        parts = (f"{option.memory_parts_gb[name]:.1f}" for name in names)
        whole = (f"{option.memory_gb:.1f}", f"{option.memory_limit_gb:.1f}")
        grid.add_row(str(number), *(option_words(option) for _ in named), *parts, *whole)
    return grid


def _training(option: EstimatedOption) -> TrainingEstimate:
    assert option.training is not None
    return option.training


def _trained(options: Sequence[EstimatedOption]) -> RenderableType:
    numeric = ("#", "accelerators", "micro-batch", "days")
    grid = table("#", "option", *numeric[1:], "bottleneck", numeric=numeric)
    for number, option in enumerate(options, 1):
        cells = (str(option.accelerators), str(option.batch), _three(_training(option).days))
        grid.add_row(str(number), option_words(option), *cells, _bottleneck(option))
    return grid


def _speed(result: EstimateResult, options: Sequence[EstimatedOption]) -> RenderableType:
    unit = throughput_unit(result.question)
    numeric = ("#", "step, s", unit, "per accelerator", "MFU", "exposed exchange")
    grid = table(*numeric, numeric=numeric)
    for number, option in enumerate(options, 1):
        training = _training(option)
        figures = (training.step_s, training.throughput_per_s, training.throughput_per_accelerator_per_s)
        grid.add_row(str(number), *(_three(value) for value in figures), percent(training.mfu), _share(option))
    return grid


def _share(option: EstimatedOption) -> str:
    """Of the step."""
    training = _training(option)
    return percent(training.exposed_communication_s / training.step_s)


def _explained(option: EstimatedOption) -> Iterator[RenderableType]:
    """Parts of the steps of one option."""
    yield _section(f"Where the time of a step goes: {option_words(option)}, batch {option.batch}")
    steps = {name: step_words(name) for name in option.parts_s}
    numeric = tuple(column for words in steps.values() for column in (f"{words}, ms", "share"))
    grid = table("part", *numeric, numeric=numeric)
    names = list(next(iter(option.parts_s.values())))
    for part in names:
        cells = [cell for parts in option.parts_s.values() for cell in _part(parts, part)]
        grid.add_row(PARTS.get(part, part.replace("_", " ")), *cells)
    if "batch" not in option.parts_s:
        whole = [cell for parts in option.parts_s.values() for cell in (_ms(sum(parts.values())), "")]
        grid.add_row("whole step", *whole)
    yield grid
    if "batch" in option.parts_s:
        yield Text("products overlap with weights and activations, the host link with everything else", "dim")


def _part(parts: dict[str, float], name: str) -> tuple[str, str]:
    whole = sum(parts.values())
    return _ms(parts[name]), percent(parts[name] / whole) if whole else ""


def _ms(seconds: float) -> str:
    return figure(seconds * 1000)


def _provenance(options: Sequence[EstimatedOption]) -> RenderableType:
    where = ", ".join(dict.fromkeys(f"{option.provenance} ({option.evidence})" for option in options))
    low, high = min(option.rate_low for option in options), max(option.rate_high for option in options)
    error = f"90 % of true rates are expected within {low:.2f} to {high:.2f} times the stated ones"
    return Padding(Text(f"Figures are {where}; {error}.", "dim"), (1, 0, 0, 0))


def _reasons(rejected: Sequence[RejectedOption]) -> Iterator[RenderableType]:
    """Parallelisms of one variant with the same rule together, with the one that came nearest."""
    groups: dict[tuple[str, str], list[RejectedOption]] = {}
    for option in rejected:
        groups.setdefault((option.variant, option.rule), []).append(option)
    for group in list(groups.values())[:REASONS_SHOWN]:
        yield _line(_reason(group))
    if len(groups) > REASONS_SHOWN:
        yield _line(f"and {len(groups) - REASONS_SHOWN} more; --json has all of them")


def _reason(group: Sequence[RejectedOption]) -> str:
    nearest = min(group, key=lambda option: option.actual if isinstance(option.actual, float) else 0.0)
    if isinstance(nearest.actual, str):
        return f"{nearest.variant}: {nearest.reason}"
    here = f"{nearest.variant} {nearest.parallelism.label}"
    others = f" (nearest of {len(group)} parallelisms)" if len(group) > 1 else ""
    return f"{here}{others}: {nearest.reason}"
