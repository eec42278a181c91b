"""Tables of a plan: complete, described, and the same after reading them back."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path

import pandas
import pytest

from gpufleet import Plan, ResolvedInstance, Table, load_instance, plan_tables, solve
from gpufleet.errors import MissingExtraError
from gpufleet.report.tables.package import PROFILE, package_files
from gpufleet.schema.plan import Certificate

TWO_SITES = Path(__file__).parents[2] / "instances" / "estate" / "two-sites.yaml"


@pytest.fixture(scope="module")
def solved() -> tuple[ResolvedInstance, Plan]:
    asked = load_instance(TWO_SITES)
    return asked, solve(asked, certify=True)


@pytest.fixture(scope="module")
def tables(solved: tuple[ResolvedInstance, Plan]) -> dict[str, Table]:
    return {table.name: table for table in plan_tables(*solved)}


def test_every_list_of_the_plan_has_a_table_of_the_same_length(
    solved: tuple[ResolvedInstance, Plan], tables: dict[str, Table]
) -> None:
    plan = solved[1]
    lists = {name: value for name in Plan.model_fields if isinstance(value := getattr(plan, name), tuple)}
    assert set(lists) == {name for name in lists if name in tables}
    nested = {"fallback_routing": sum(len(entry.routing) for entry in plan.fallback_routing)}
    assert {name: len(tables[name].rows) for name in lists} == {n: nested.get(n, len(v)) for n, v in lists.items()}
    assert nested["fallback_routing"] > 0


def test_every_plain_field_of_the_certificate_is_a_column(tables: dict[str, Table]) -> None:
    columns = {column.name for column in tables["certificate"].columns}
    elsewhere = {"versions", "price_dates", "service", "prices"}
    assert set(Certificate.model_fields) - elsewhere <= columns
    assert tables["bound_prices"].rows


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_read_back_with_the_same_totals(solved: tuple[ResolvedInstance, Plan], form: str) -> None:
    asked, plan = solved
    files = package_files(asked, plan, form)  # type: ignore[arg-type]
    read = pandas.read_csv if form == "csv" else pandas.read_parquet
    frames = {name: read(io.BytesIO(content)) for name, content in files.items() if name.endswith(form)}
    assert plan.certificate is not None
    assert frames[f"costs.{form}"]["total_usd"].sum() == pytest.approx(plan.certificate.objective_usd, abs=1e-6)
    assert frames[f"nodes.{form}"]["count"].tolist() == plan.nodes_frame()["count"].tolist()
    deployments = frames[f"deployments.{form}"]
    assert deployments["replicas"].tolist() == [entry.replicas for entry in plan.deployments]
    assert deployments["utilisation"].tolist() == [entry.utilisation for entry in plan.deployments]
    assert not any(str(kind) == "object" for kind in frames[f"schedule.{form}"][["site"]].dtypes) or form == "csv"


def test_the_descriptor_names_every_file_and_column(solved: tuple[ResolvedInstance, Plan]) -> None:
    files = package_files(*solved, "csv")
    descriptor = json.loads(files["datapackage.json"])
    assert descriptor["$schema"] == PROFILE
    resources = {entry["path"]: entry for entry in descriptor["resources"]}
    assert set(resources) == {name for name in files if name.endswith(".csv")}
    for path, entry in resources.items():
        header = files[path].decode().splitlines()[0].split(",")
        fields = entry["schema"]["fields"]
        assert [field["name"] for field in fields] == header
        assert all(
            field["description"] and field["type"] in ("string", "integer", "number", "boolean") for field in fields
        )
        for key in entry["schema"].get("foreignKeys", []):
            other = next(r for r in descriptor["resources"] if r["name"] == key["reference"]["resource"])
            assert set(key["reference"]["fields"]) <= {field["name"] for field in other["schema"]["fields"]}
    money = [f for entry in descriptor["resources"] for f in entry["schema"]["fields"] if f["name"].endswith("_usd")]
    assert {field["unit"] for field in money} == {"USD"}


def test_required_columns_have_no_empty_cell_and_keys_are_unique(tables: dict[str, Table]) -> None:
    for table in tables.values():
        frame = table.frame()
        for column in table.columns:
            assert not (column.required and frame[column.name].isna().any()), (table.name, column.name)
        if table.key:
            assert not frame.duplicated(list(table.key)).any()


def test_columns_keep_their_kind_without_rows(tables: dict[str, Table]) -> None:
    empty = tables["unserved"].frame()
    assert len(empty) == 0
    assert str(empty["share"].dtype) == "float64"
    assert str(empty["workload"].dtype) == "string"


def test_parquet_without_pyarrow_says_what_to_install(
    solved: tuple[ResolvedInstance, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gpufleet\[parquet\]'"):
        package_files(*solved, "parquet")
