"""What every set of manifests must keep; used by quick and by acceptance tests."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import kubernetes_validate
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.kubernetes.bundle import Manifests

SCHEMAS = Path(__file__).parent / "report" / "schemas"
FOREIGN = {"LeaderWorkerSet": "leaderworkerset.json", "ScaledObject": "scaledobject.json"}
VERSION = "1.31"
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def assert_valid(found: Manifests) -> None:
    """Schemas, names, references between objects, and that the files say the same."""
    members = [member for objects in found.objects.values() for member in objects]
    for member in members:
        _assert_schema(member)
        _assert_names(member)
    keys = Counter((member["kind"], member["metadata"]["name"]) for member in members)
    assert max(keys.values()) == 1
    assert not any(member["kind"] == "Secret" for member in members)
    _assert_references(members)
    files = found.files()
    assert yaml.safe_load(files["kustomization.yaml"])["resources"] == list(found.objects)
    for name, objects in found.objects.items():
        assert list(yaml.safe_load_all(files[name])) == objects


def _assert_schema(member: dict[str, Any]) -> None:
    if member["kind"] not in FOREIGN:
        kubernetes_validate.validate(member, VERSION, strict=True)
        return
    schema = json.loads((SCHEMAS / FOREIGN[member["kind"]]).read_text())
    jsonschema.validate(member, schema)
    for template in member["spec"].get("leaderWorkerTemplate", {}).values():
        if isinstance(template, dict):
            pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
            kubernetes_validate.validate(pod, VERSION, strict=True)


def _assert_names(member: dict[str, Any]) -> None:
    assert list(member)[:3] == ["apiVersion", "kind", "metadata"]
    assert DNS_LABEL.fullmatch(member["metadata"]["name"]), member["metadata"]["name"]
    for key, value in member["metadata"]["labels"].items():
        assert len(key.rpartition("/")[2]) <= 63
        assert LABEL_VALUE.fullmatch(value), (key, value)


def _assert_references(members: list[dict[str, Any]]) -> None:
    """Selectors find pods; volumes find their ConfigMaps; scaled objects their targets."""
    names = {(member["kind"], member["metadata"]["name"]) for member in members}
    labels = [template["metadata"]["labels"] for member in members for template in pod_templates(member)]
    for member in members:
        kind, spec = member["kind"], member.get("spec", {})
        if kind in ("Service", "PodDisruptionBudget"):
            wanted = spec["selector"]["matchLabels"] if kind == "PodDisruptionBudget" else spec["selector"]
            assert any(wanted.items() <= found.items() for found in labels), member["metadata"]["name"]
        if kind == "Deployment":
            assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
        if kind == "ScaledObject":
            target = spec["scaleTargetRef"]
            assert (target["kind"], target["name"]) in names
        for template in pod_templates(member):
            for volume in template["spec"]["volumes"]:
                assert "configMap" not in volume or ("ConfigMap", volume["configMap"]["name"]) in names


def pod_templates(member: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Templates of pods anywhere in an object."""
    for value in member.values() if isinstance(member, dict) else ():
        if isinstance(value, dict) and "containers" in value.get("spec", {}):
            yield value
        elif isinstance(value, dict):
            yield from pod_templates(value)


def of_kind(found: Manifests, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind."""
    return [member for objects in found.objects.values() for member in objects if member["kind"] == kind]


def arguments(found: Manifests, workload: str) -> list[list[str]]:
    """Arguments of the containers of a workload's pods."""
    return [
        container["args"]
        for objects in found.objects.values()
        for member in objects
        for template in pod_templates(member)
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == workload
        for container in template["spec"]["containers"]
    ]
