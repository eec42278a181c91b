"""Writes docs/instance-format.md from the schema, so that the page cannot drift from the code. Run: make docs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpufleet.library.unsupported import UNSUPPORTED
from gpufleet.schema import (
    bound,
    calibration,
    elimination,
    estimate,
    hardware,
    instance,
    measurements,
    migration,
    models,
    offers,
    overlay,
    plan,
    prices,
    robust,
    schedule,
    time,
    workloads,
)
from gpufleet.schema.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

TARGET = Path(__file__).parent / "instance-format.md"

INTRODUCTION = """\
# File formats

<!-- Generated from solver/gpufleet/schema by docs/generate.py. Change the schema, then run `make docs`. -->

Every file is YAML or JSON, compressed with gzip or not (`.yaml.gz`). Units are in the field names. Numbers are
numbers: `"50"` in quotes is an error, and so are `nan`, unknown keys, duplicate keys and names that nothing defines;
all problems of a file are reported at once, with file and line. Money is in US dollars, memory in decimal GB, time in
the unit that the field names.

In the tables, *name* is a text of letters, digits and ` ._+:/@-` that starts with a letter or digit; *default* says
what holds when a field is left out. `gpufleet schema KIND` prints the same as JSON Schema.
"""

SECTIONS: tuple[tuple[str, str, tuple[type[Record], ...]], ...] = (
    (
        "Instance file",
        "One procurement question. `gpufleet validate FILE` checks it, `gpufleet solve FILE` answers it.",
        (instance.Instance, offers.Site, offers.Offer, offers.PriceStep, offers.OfferSelection),
    ),
    (
        "Workloads",
        "What must be served or trained; `kind` says which of the four it is.",
        (
            *(workloads.LLMServing, workloads.TokenClass, workloads.RequestServing, workloads.ItemClass),
            *(workloads.Training, workloads.Profiled, workloads.ProfiledClass, workloads.ProfiledOption),
            *(workloads.SLO, workloads.AccuracyFloor, workloads.Privacy, workloads.Redundancy),
        ),
    ),
    (
        "Limits on the whole plan",
        "",
        (
            *(instance.Budgets, instance.BudgetCaps, instance.StageCaps, instance.FleetRules, instance.Quota),
            *(time.Period, time.Stage, time.Trend, instance.Measure),
            *(migration.Migration, migration.CurrentNodes, migration.CurrentUse),
        ),
    ),
    (
        "Measurements file",
        "CSV files that an instance lists under `measurements`: columns named as the fields, one operating point a "
        "row, an empty cell = not measured. What they do, and how to make them from files of benchmarking tools, is "
        "in [measurements.md](measurements.md).",
        (measurements.Measurement,),
    ),
    (
        "Catalogue",
        "`catalog/accelerators/*.yaml` holds lists of accelerators under the key `accelerators`; "
        "`catalog/node_types/*.csv` and `catalog/offers/*.csv` hold one record a row, columns named as the fields.",
        (hardware.Accelerator, hardware.PeakRates, hardware.NodeType, offers.CatalogOffer),
    ),
    (
        "Overlay file",
        "Your discounts, private prices and committed nodes, laid over all price lists with `--overlay FILE` or "
        "GPUFLEET_OVERLAY. See [prices.md](prices.md).",
        (overlay.Overlay, overlay.Discount, overlay.PrivatePrice, overlay.CommittedNodes),
    ),
    (
        "Model card",
        "`models/NAME.yaml`, one model a file.",
        (
            *(models.ModelCard, models.Decoder, models.Attention, models.Encoder, models.Recommender),
            *(models.Convolutional, models.Runtime, models.Variant, models.Accuracy),
        ),
    ),
    (
        "Calibration file",
        "`calibration/bundled.yaml` of a library folder: the figures of the performance model that no datasheet gives. "
        "`gpufleet calibrate` writes it, [validation.md](validation.md) shows it.",
        (calibration.Calibration, calibration.Figure, calibration.Interval, calibration.MeasuredTable),
    ),
    (
        "Plan file",
        "What `gpufleet solve --out FILE` writes and `gpufleet verify` checks. Written by hand, a plan needs only "
        "`schema_version`, `instance`, `nodes` (offer and count) and `deployments`.",
        (
            *(
                plan.Plan,
                plan.PlannedNodes,
                plan.PlannedMeasure,
                plan.Deployment,
                plan.Parallelism,
                plan.LatencyFigure,
                plan.Route,
            ),
            *(plan.Fallback, plan.UnservedDemand, plan.WorkloadCharge, plan.CostLine, plan.CashFlow),
            *(prices.PlannedPrice, prices.PlannedOverlay, prices.PriceWarning),
            *(migration.Moves, migration.NodeMove, migration.UseMove, robust.RobustClaim),
            *(
                plan.Certificate,
                bound.BoundPrices,
                bound.BoundTree,
                plan.ServiceProof,
                plan.PriceOfCaution,
                elimination.FunnelStep,
                elimination.Rejected,
            ),
        ),
    ),
    (
        "Schedule",
        "What `gpufleet schedule FILE PLAN` prints with `--json` or `--csv`: one row per pool, partition and "
        "deployment for every period of every stage. CSV has one column per field, JSON leaves empty fields out.",
        (schedule.ScheduleRow,),
    ),
    (
        "Estimate",
        "What `gpufleet estimate MODEL ACCELERATOR --json` prints; empty fields are left out. `gpufleet schema "
        "estimate` prints the JSON Schema. See [estimate.md](estimate.md).",
        (
            *(estimate.EstimateResult, estimate.EstimateQuestion, estimate.EstimatedOption),
            *(estimate.ServingEstimate, estimate.LatencyEstimate, estimate.TrainingEstimate),
            *(estimate.RejectedOption, estimate.LoadCurve, estimate.LatencyCurve),
        ),
    ),
)
"""(heading, introduction, records), in the order of the page."""

REFUSED = """\
## Refused for now

The format can say more than this version can optimise. Nothing is ignored: an instance that uses one of these is
refused by name (exit code 2).
"""

NOTHING_REFUSED = "At present there is no such feature."

PATTERNS = {r"^[A-Za-z0-9][A-Za-z0-9 ._+:/@-]*$": "name", r"^[A-Z]{2}$": "country code"}


def document() -> str:
    """The whole page."""
    parts = [INTRODUCTION, _contents()]
    for heading, introduction, records in SECTIONS:
        parts.append(f"## {heading}\n" + (f"\n{introduction}\n" if introduction else ""))
        parts += [_record(record) for record in records]
    refused = [f"- {message}" for _, message in UNSUPPORTED] or [NOTHING_REFUSED]
    return "\n".join([*parts, REFUSED, *refused, ""])


def _contents() -> str:
    lines = []
    for heading, _, records in SECTIONS:
        links = ", ".join(f"[{record.__name__}](#{record.__name__.lower()})" for record in records)
        lines.append(f"- [{heading}](#{_anchor(heading)}): {links}")
    return "\n".join([*lines, "- [Refused for now](#refused-for-now)", ""])


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9-]", "", heading.lower().replace(" ", "-"))


def _record(record: type[Record]) -> str:
    """Heading, description and table of fields of one record."""
    properties = record.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {_type(properties[name])} | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in record.model_fields.items()
    ]
    head = ["| field | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"### {record.__name__}\n\n{inspect.getdoc(record)}\n", *head, *rows, ""])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value in (None, (), {}):
        return "empty"
    if isinstance(value, tuple):
        return ", ".join(f"`{entry}`" for entry in value)
    if isinstance(value, Record):
        return "its defaults"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema in words."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema or "oneOf" in schema:
        branches = schema.get("anyOf") or schema["oneOf"]
        return " or ".join(_type(branch) for branch in branches if branch.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return " / ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    return _WORDS[schema["type"]](schema)


def _link(name: str) -> str:
    known = {record.__name__ for _, _, records in SECTIONS for record in records}
    if name not in known:
        raise KeyError(f"{name} is used in the schema but has no place in SECTIONS of docs/generate.py")
    return f"[{name}](#{name.lower()})"


def _text(schema: dict[str, Any]) -> str:
    return "date" if schema.get("format") == "date" else PATTERNS.get(schema.get("pattern", ""), "text")


def _number(schema: dict[str, Any]) -> str:
    word = "whole number" if schema["type"] == "integer" else "number"
    return " ".join([word, ", ".join(_bounds(schema))]).strip()


def _bounds(schema: dict[str, Any]) -> Iterator[str]:
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    yield from (f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema)


def _array(schema: dict[str, Any]) -> str:
    return f"list of {_type(schema['items'])}" + (" (at least one)" if schema.get("minItems") else "")


def _object(schema: dict[str, Any]) -> str:
    values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return f"map from name to {_type(values[0])}"


_WORDS = {
    "string": _text,
    "number": _number,
    "integer": _number,
    "boolean": lambda _: "`true` or `false`",
    "array": _array,
    "object": _object,
}

if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
