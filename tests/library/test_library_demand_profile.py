"""Demand profiles in CSV files: the same question as the same figures written into the instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet.errors import InputError
from gpufleet.library import Library, load_instance, resolve, write_instance
from gpufleet.schema.instance import Period

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpufleet.schema.instance import Instance
    from gpufleet.schema.workloads import Profiled

WORK = [profiled([option("k", rates={"all": 3.0})], 12.0, name) for name in ("chat", "search")]


def asked(workloads: Sequence[Profiled] = WORK, **changes: Any) -> Instance:
    return instance(workloads, [offer()], **{"horizon_days": 1.0, **changes})


def written(folder: Path, text: str, question: Instance, suffix: str = "yaml") -> Path:
    (folder / "profile.csv").write_text(text, encoding="utf-8")
    path = folder / f"question.{suffix}"
    write_instance(edited(question, demand_profile="profile.csv"), path)
    return path


def loaded(folder: Path, text: str, question: Instance, suffix: str = "yaml") -> Any:
    return load_instance(written(folder, text, question, suffix), Library(()))


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_periods_and_factors_are_those_of_the_file(tmp_path: Path, suffix: str) -> None:
    table = "period,hours,all,search\nnight,8,0.25,1\nday,16,1,0.5\n"
    found = loaded(tmp_path, table, asked(), suffix)
    factors = {"night": 1.0, "day": 0.5}
    inline = asked(
        periods=(Period(name="night", hours=8.0, demand_factor=0.25), Period(name="day", hours=16.0)),
        workloads=(WORK[0], edited(WORK[1], demand_factors=factors)),
    )
    assert found.instance.model_dump() == inline.model_dump()
    assert found.digest == resolved(inline).digest


def test_the_digest_covers_the_content(tmp_path: Path) -> None:
    first = loaded(tmp_path, "period,hours,all\nnight,8,0.25\nday,16,1\n", asked())
    second = loaded(tmp_path, "period,hours,all\nnight,8,0.26\nday,16,1\n", asked())
    again = loaded(tmp_path, " period , hours, all\r\nnight, 8,0.25\r\n\r\nday,16.0,1\r\n", asked())
    assert first.digest != second.digest
    assert first.digest == again.digest


def test_what_is_read_can_be_written_and_read_again(tmp_path: Path) -> None:
    first = loaded(tmp_path, "period,hours,chat\nnight,8,0.25\nday,16,1\n", asked())
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    write_instance(first.instance, copy / "copy.yaml")
    assert load_instance(copy / "copy.yaml", Library(())).digest == first.digest


def test_the_path_is_relative_to_the_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "period,all\nnight,0.25\nday,1\n", asked())
    monkeypatch.chdir(tmp_path.parent)
    found = load_instance(path.relative_to(tmp_path.parent), Library(()))
    assert [period.hours for period in found.instance.periods] == [12.0, 12.0]


def test_an_instance_made_in_code_reads_it_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profile.csv").write_text("period,all\nnight,0.25\nday,1\n")
    monkeypatch.chdir(tmp_path)
    found = resolve(asked(demand_profile="profile.csv"), Library(()))
    assert [period.demand_factor for period in found.instance.periods] == [0.25, 1.0]


def test_factors_for_the_periods_of_the_instance(tmp_path: Path) -> None:
    own = asked(periods=(Period(name="night", hours=8.0), Period(name="day", hours=16.0)))
    found = loaded(tmp_path, "period,all,chat\nday,0.9,1\nnight,0.2,0.1\n", own)
    assert [(p.name, p.hours, p.demand_factor) for p in found.instance.periods] == [
        ("night", 8.0, 0.2),
        ("day", 16.0, 0.9),
    ]
    assert found.workloads["chat"].demand_factors == {"day": 1.0, "night": 0.1}
    assert found.workloads["search"].demand_factors == {}


def test_a_workload_without_a_column_keeps_its_peak(tmp_path: Path) -> None:
    found = loaded(tmp_path, "period,chat\nnight,0.1\nday,1\n", asked())
    assert [period.demand_factor for period in found.instance.periods] == [1.0, 1.0]


def test_no_demand_in_any_period_is_refused_at_the_workload(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the factor is 0 in every period"):
        loaded(tmp_path, "period,chat\nnight,0\nday,0\n", asked())


def test_a_workload_called_as_a_column_of_the_file_has_none_of_its_own(tmp_path: Path) -> None:
    named = asked(workloads=(edited(WORK[0], name="hours"), edited(WORK[1], name="period")))
    found = loaded(tmp_path, "period,hours,all\nnight,8,0.1\nday,16,1\n", named)
    assert all(not workload.demand_factors for workload in found.workloads.values())
