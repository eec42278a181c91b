"""Records to files: all or nothing, and the same bytes for the same content."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.scalars import parse_scalar

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gpufleet.schema.instance import Instance

MONEY_DECIMALS: Final = 6
_LINE_WIDTH: Final = 120
_TEXT: Final = "tag:yaml.org,2002:str"


class _Dumper(yaml.SafeDumper):
    """Block style; numbers and words as our reader wants them. Shared records are written out, not aliased."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(dumper: yaml.SafeDumper, value: Any) -> yaml.ScalarNode:
    """Numbers, truth values and null, unquoted."""
    return dumper.represent_scalar(_TEXT, json.dumps(value))


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Text, quoted where our reader would take it for something else."""
    quoted = not isinstance(parse_scalar(text), str) or text == "<<"
    return dumper.represent_scalar(_TEXT, text, style="'" if quoted else None)


_Dumper.yaml_implicit_resolvers = {}
_Dumper.add_representer(str, _text)
for _type in (int, float, bool, type(None)):
    _Dumper.add_representer(_type, _plain)


def write_instance(instance: Instance, path: Path | str) -> None:
    """Write an instance to a YAML file (or JSON, by suffix `.json`), atomically; fields at their default are left out.

    `load_instance` reads the same instance from it; prices in USD keep every digit. Raises InputError when the file
    cannot be written.
    """
    fields = instance.model_dump(mode="json", exclude_defaults=True)
    write_fields(fields, path, money_decimals=None)


def instance_text(instance: Instance) -> str:
    """An instance as YAML text, as `write_instance` writes it."""
    return _yaml(_tidy(instance.model_dump(mode="json", exclude_defaults=True), None))


def fields_text(record: dict[str, Any]) -> str:
    """A record's fields as YAML text, as `write_fields` writes them."""
    return _yaml(_tidy(record, MONEY_DECIMALS))


def scalar_text(value: str | float | bool | None) -> str:
    """One value as YAML on one line, quoted where it must be, also inside of brackets."""
    written: str = yaml.dump([value], Dumper=_Dumper, allow_unicode=True, width=10**6, default_flow_style=True)
    return written.strip().removeprefix("[").removesuffix("]")


def write_record(record: BaseModel, path: Path | str) -> None:
    """Write a record without its defaults, as JSON or YAML by suffix, atomically. Raises InputError."""
    write_fields(record.model_dump(mode="json", exclude_defaults=True), path)


def write_fields(record: dict[str, Any], path: Path | str, money_decimals: int | None = MONEY_DECIMALS) -> None:
    """Write a record's fields, in their order, as JSON or YAML by suffix, atomically. Raises InputError."""
    fields = _tidy(record, money_decimals)
    is_json = Path(path).suffix.lower() == ".json"
    write_text(_json(fields) if is_json else _yaml(fields), path)


def _json(fields: Any) -> str:
    return json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _yaml(fields: Any) -> str:
    written: str = yaml.dump(
        fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_LINE_WIDTH, default_flow_style=False
    )
    return written


def _tidy(value: Any, money_decimals: int | None, key: str = "") -> Any:
    """Names first, and money rounded to the decimals that we count in, unless every digit is wanted."""
    if isinstance(value, dict):
        first = {"name": value["name"]} if "name" in value else {}
        return {name: _tidy(member, money_decimals, name) for name, member in {**first, **value}.items()}
    if isinstance(value, list):
        return [_tidy(member, money_decimals) for member in value]
    is_money = isinstance(value, float) and key.endswith("_usd")
    return round(value, money_decimals) if is_money and money_decimals is not None else value


def write_text(text: str, path: Path | str) -> None:
    """Write a text file so that other programs see the old content or all of the new, never a part.

    Raises InputError when the file cannot be written.
    """
    write_bytes(text.encode(), path)


def write_bytes(content: bytes, path: Path | str) -> None:
    """The same for any content. Raises InputError."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        _write_and_sync(part, content)
        part.replace(target)
    except OSError as error:
        reason = _reason(target, error)
        raise InputError([InputProblem(str(path), 0, "", f"cannot be written: {reason}")]) from None
    finally:
        part.unlink(missing_ok=True)


def _write_and_sync(part: Path, content: bytes) -> None:
    with part.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _reason(target: Path, error: OSError) -> str:
    if target.is_dir():
        return "this is a folder; give a file in it"
    if not target.parent.is_dir():
        return f"the folder {target.parent} does not exist"
    return str(error.strerror)
