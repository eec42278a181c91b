"""`gpufleet schema`: the JSON Schema of our files."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.argument(
    "kind",
    type=click.Choice(["instance", "plan", "model", "accelerator", "node-type", "offer", "overlay", "estimate"]),
    default="instance",
)
def command(kind: str) -> None:
    """Print the JSON Schema of a KIND of file (default: instance)."""
    from gpufleet.schema.base import Record
    from gpufleet.schema.estimate import EstimateResult
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.offers import CatalogOffer
    from gpufleet.schema.overlay import Overlay
    from gpufleet.schema.plan import Plan

    records: dict[str, type[Record]] = {
        "instance": Instance,
        "plan": Plan,
        "model": ModelCard,
        "accelerator": Accelerator,
        "node-type": NodeType,
        "offer": CatalogOffer,
        "overlay": Overlay,
        "estimate": EstimateResult,
    }
    click.echo(json.dumps(records[kind].model_json_schema(), indent=2))
