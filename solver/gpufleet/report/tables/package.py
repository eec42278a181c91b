"""Tables as files: CSV or Parquet, with a descriptor after the Data Package standard, version 2 (datapackage.org)."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from typing import TYPE_CHECKING, Any, Literal

from gpufleet.errors import MissingExtraError
from gpufleet.report.tables.plan_tables import NOT_IN_TABLES, plan_tables

if TYPE_CHECKING:
    from gpufleet.report.tables.table import Table
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

Form = Literal["csv", "parquet"]
DESCRIPTOR = "datapackage.json"
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def package_files(resolved: ResolvedInstance, plan: Plan, form: Form) -> dict[str, bytes]:
    """File name to content: one file per table, `datapackage.json` and `README.md`.

    Raises MissingExtraError for parquet without pyarrow.
    """
    tables = plan_tables(resolved, plan)
    write = _csv if form == "csv" else _parquet
    files = {f"{table.name}.{form}": write(table) for table in tables}
    files[DESCRIPTOR] = (json.dumps(descriptor(resolved, tables, form), indent=1, ensure_ascii=False) + "\n").encode()
    files["README.md"] = readme(resolved, tables, form).encode()
    return files


def _csv(table: Table) -> bytes:
    return table.frame().to_csv(index=False, lineterminator="\n").encode()


def _parquet(table: Table) -> bytes:
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError(
            "Parquet needs pyarrow; install it with: pip install 'gpufleet[parquet]', or take --format csv"
        )
    target = io.BytesIO()
    table.frame().to_parquet(target, index=False, engine="pyarrow")
    return target.getvalue()


def descriptor(resolved: ResolvedInstance, tables: tuple[Table, ...], form: Form) -> dict[str, Any]:
    """What `datapackage.json` says."""
    return {
        "$schema": PROFILE,
        "name": re.sub(r"[^a-z0-9._-]+", "-", resolved.instance.uid.lower()).strip("-._") or "plan",
        "title": resolved.instance.title,
        "description": f"A plan for {resolved.instance.uid} (digest {resolved.digest}). Not here: {NOT_IN_TABLES}.",
        "resources": [_resource(table, form) for table in tables],
    }


def _resource(table: Table, form: Form) -> dict[str, Any]:
    encoding = {"encoding": "utf-8"} if form == "csv" else {}
    return {
        "name": table.name,
        "type": "table",
        "path": f"{table.name}.{form}",
        "format": form,
        "mediatype": MEDIA[form],
        **encoding,
        "description": table.description,
        "schema": _schema(table),
    }


def _schema(table: Table) -> dict[str, Any]:
    fields = []
    for column in table.columns:
        unit = {"unit": column.unit} if column.unit else {}
        required = {"constraints": {"required": True}} if column.required else {}
        fields.append({"name": column.name, "type": column.type, "description": column.description, **unit, **required})
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if table.key:
        schema["primaryKey"] = list(table.key)
    if table.refers:
        schema["foreignKeys"] = [
            {"fields": [column], "reference": {"resource": other, "fields": [column]}}
            for column, other in table.refers.items()
        ]
    return schema


def readme(resolved: ResolvedInstance, tables: tuple[Table, ...], form: Form) -> str:
    """The same for a person."""
    lines = [f"# {resolved.instance.title}", "", f"Instance `{resolved.instance.uid}`, digest `{resolved.digest}`.", ""]
    lines += ["Money is in USD over the horizon unless a column says otherwise. An empty cell: does not apply.", ""]
    lines += [f"Not in these tables: {NOT_IN_TABLES}.", ""]
    for table in tables:
        lines += [f"## {table.name}.{form}", "", f"{table.description} Rows: {len(table.rows):,}.", ""]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {c.type} | {c.description.replace('|', '/')} |" for c in table.columns]
        lines.append("")
    return "\n".join(lines)
