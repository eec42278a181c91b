"""Mélange configurations become profiled instances."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from library_samples import ACCELERATORS

from gpufleet.errors import InputError
from gpufleet.library import Library, import_melange, load_instance, resolve, write_instance

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.workloads import Profiled

CONFIG: dict[str, Any] = {
    "gpu_info": {
        "A10G": {"cost": 1.01, "tputs": [[5, 1], [10, 0]]},
        "A100-80GB": {"cost": 3.67, "tputs": [[20, 2], [50, 20]]},
    },
    "workload_distribution": [[0.25, 0.125], [0, 0.625]],
    "total_request_rate": 0.3,
    "slice_factor": 4,
}


@pytest.fixture
def library(folder: Path) -> Library:
    names = ("A10G", "A100-SXM-80GB")
    records = "".join(ACCELERATORS.removeprefix("accelerators:\n").replace("Lib-40", name) for name in names)
    (folder / "catalog/accelerators/acme.yaml").write_text(f"accelerators:\n{records}")
    return Library((folder,))


def write(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({**CONFIG, **changes}, indent=1))
    return path


def test_import(tmp_path: Path, library: Library) -> None:
    instance = import_melange(write(tmp_path / "melange.json"), library)
    assert instance.hours == 1
    assert [(offer.name, offer.usd_per_hour) for offer in instance.offers] == [("A10G", 1.01), ("A100-80GB", 3.67)]
    workload: Profiled = instance.workloads[0]  # type: ignore[assignment]
    assert [(member.name, member.requests_per_s) for member in workload.classes] == [
        ("in0-out0", 0.075),
        ("in0-out1", 0.0375),
        ("in1-out1", 0.1875),
    ]
    assert workload.options[0].rates == {"in0-out0": 5, "in0-out1": 1, "in1-out1": 0}
    assert instance.note is not None
    assert "left out: 1" in instance.note
    assert "A100-80GB as A100-SXM-80GB" in instance.note


def test_the_instance_needs_no_library(tmp_path: Path, library: Library, empty_library: Library) -> None:
    instance = import_melange(write(tmp_path / "melange.json"), library)
    resolved = resolve(instance, empty_library)
    write_instance(instance, tmp_path / "instance.yaml")
    assert load_instance(tmp_path / "instance.yaml", empty_library).digest == resolved.digest


def test_names_can_be_mapped(tmp_path: Path, library: Library) -> None:
    path = write(tmp_path / "melange.json", gpu_info={"Mystery": CONFIG["gpu_info"]["A10G"]})
    with pytest.raises(InputError, match=r"no accelerator 'Mystery'; say .* --accelerator Mystery=CATALOGUE_NAME"):
        import_melange(path, library)
    assert import_melange(path, library, {"Mystery": "A10G"}).node_types[0].accelerator == "A10G"
    with pytest.raises(InputError, match="unknown GPU type in --accelerator 'Mystry'; did you mean Mystery"):
        import_melange(path, library, {"Mystery": "A10G", "Mystry": "A10G"})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"total_request_rate": 0}, "total_request_rate: must be above 0, got 0"),
    ({"workload_distribution": [[0.5]]}, "gpu_info.A10G.tputs: must have the shape of workload_distribution"),
    ({"workload_distribution": [[0, 0], [0, 0]]}, "workload_distribution: no demand: every share is 0"),
    ({"gpu_info": {}}, "gpu_info: no GPU types: give at least one"),
    ({"gpu_info": {"A10G": {"cost": -1, "tputs": [["x"]]}}}, "gpu_info.A10G.tputs[0][0]: expected a number"),
    ({"overall_rate": 3}, "overall_rate: unknown key 'overall_rate'"),
]


@pytest.mark.parametrize(("changes", "expected"), WRONG)
def test_wrong_configurations(tmp_path: Path, library: Library, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        import_melange(write(tmp_path / "melange.json", **changes), library)
    assert expected in str(caught.value)
    assert all(problem.line > 0 for problem in caught.value.problems)
