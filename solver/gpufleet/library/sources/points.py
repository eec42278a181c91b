"""Operating points for an instance from its performance source, and what the source does not cover."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpufleet.library.sources.aiconfigurator import Aiconfigurator, NotCoveredError, shapes
from gpufleet.library.sources.names import ENGINES
from gpufleet.library.sources.package import load_package
from gpufleet.schema.measurements import MeasuredPoint, sizes_of
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import LLMServing, Profiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.measurements import Measurement, Points, Profiles, Size
    from gpufleet.schema.models import ModelCard, Variant

ONE_TOKEN: Final = "requests of one output token have no time per token"


@dataclass(frozen=True)
class _Form:
    """A variant on a node type, and the sizes that are asked about."""

    card: ModelCard
    variant: Variant
    node: NodeType
    sizes: tuple[Size, ...]


@dataclass
class _Gaps:
    """Reasons with what they are about, in the order of discovery."""

    found: dict[str, dict[str, dict[str, None]]] = field(default_factory=dict)

    def add(self, reason: str, subject: str, place: str = "") -> None:
        """Note a reason once."""
        self.found.setdefault(reason, {}).setdefault(place, {})[subject] = None

    def sentences(self) -> tuple[str, ...]:
        """One per reason and place: `llama-3.1-8b int8 on L40S: no tables for ...`."""
        return tuple(
            f"{', '.join(subjects)}{f' on {place}' if place else ''}: {reason}"
            for reason, places in self.found.items()
            for place, subjects in places.items()
        )


def source_points(
    instance: Instance, models: Mapping[str, ModelCard], node_types: Mapping[str, NodeType], known: Profiles
) -> tuple[Points, tuple[str, ...]]:
    """Modelled points of the instance's performance source, and sentences on what it does not cover.

    Options of which `known` has modelled points already are left to these. Raises MissingExtraError when the source is
    not installed.
    """
    if instance.performance_source == "model":
        return (), ()
    package, gaps = load_package(), _Gaps()
    points: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder:
        source = Aiconfigurator(package, ENGINES[instance.performance_source], Path(folder))
        for form in _forms(instance, models, node_types, gaps):
            names = (form.card.name, form.variant.name, form.node.accelerator, form.node.name)
            given = known.beneath.of("llm_serving", *names)
            points += [row for row in _rows(source, form, gaps) if row.shape not in given]
    return tuple(MeasuredPoint("", row) for row in points), gaps.sentences()


def _forms(
    instance: Instance, models: Mapping[str, ModelCard], node_types: Mapping[str, NodeType], gaps: _Gaps
) -> Iterator[_Form]:
    """What language workloads may use, each once, with all sizes that are asked of it."""
    sizes: dict[tuple[str, str, str], dict[Size, None]] = {}
    for workload in _language(instance, gaps):
        wanted = [size for size in sizes_of(workload) if size[1] > 1]
        for name, node in product((n for n in workload.models if n in models), node_types.values()):
            if workload.accelerators is None or node.accelerator in workload.accelerators:
                for variant in models[name].variants:
                    if workload.precisions is None or variant.precision in workload.precisions:
                        sizes.setdefault((name, variant.name, node.name), {}).update(dict.fromkeys(wanted))
    for (name, chosen, node_name), asked in sizes.items():
        variant = next(v for v in models[name].variants if v.name == chosen)
        yield _Form(models[name], variant, node_types[node_name], tuple(asked))


def _language(instance: Instance, gaps: _Gaps) -> Iterator[LLMServing]:
    """Workloads of which the source knows something; of profiled ones nobody asks."""
    for workload in instance.workloads:
        if not isinstance(workload, LLMServing):
            if not isinstance(workload, Profiled):
                gaps.add("it covers language serving only", workload.name)
        elif workload.has_prefix_hits:
            gaps.add("prefix cache hits are not in its tables", workload.name)
        else:
            if any(output < 2 for _, output in sizes_of(workload)):
                gaps.add(ONE_TOKEN, workload.name)
            yield workload


def _rows(source: Aiconfigurator, form: _Form, gaps: _Gaps) -> Iterator[Measurement]:
    """Rows of every shape; the reason where there is none. A shape that does not fit is no gap: it is no option."""
    shape = form.card.architecture
    if not isinstance(shape, Decoder):
        return
    sizes = [size for size in form.sizes if sum(size) <= shape.max_context_tokens]
    found, reasons = 0, []
    for parallel in shapes(form.card, form.node.largest_replica or form.node.accelerators):
        try:
            rows = source.rows(form.card, form.variant, form.node.accelerator, form.node.name, parallel, sizes)
        except NotCoveredError as error:
            reasons.append(error)
            continue
        found += len(rows)
        yield from rows
    for reason in reasons:
        _note(gaps, form, reason, in_part=found > 0)


def _note(gaps: _Gaps, form: _Form, error: NotCoveredError, *, in_part: bool) -> None:
    """What a reason is about decides whom it names."""
    option = f"{form.card.name} {form.variant.name}"
    subjects = {"accelerator": form.node.accelerator, "model": form.card.name, "variant": option}
    part = " (some parallelisms)" if in_part else ""
    if error.about == "replica":
        gaps.add(str(error), f"{option}{part}", form.node.accelerator)
    else:
        gaps.add(str(error), subjects[error.about])
