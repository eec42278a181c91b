"""Is what gpufleet needs installed, in versions that it works with? Read from the package's own metadata."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpufleet import __version__
from gpufleet.report.checkup_text import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

AREA = "installation"
DISTRIBUTION = "gpufleet"
OURS = ("dev",)
"""Extras that only the developers need."""
LITTLE_GB = 2.0
"""Memory below which the reference cases may not be solved (assumed; they take about half a GB)."""


def check_packages() -> Iterator[Check]:
    """Python, gpufleet and its dependencies."""
    yield _python()
    requirements = _requirements()
    if requirements is None:
        yield Check(
            AREA, DISTRIBUTION, "warn", f"{__version__}, from a folder, not installed",
            "its dependencies cannot be compared with what it asks for; install it: pip install -e .",
        )  # fmt: skip
        return
    yield Check(AREA, DISTRIBUTION, "ok", f"{__version__} at {Path(__file__).resolve().parents[1]}")
    checks = [_dependency(each) for each in requirements if not _extra(each)]
    good = [check for check in checks if check.status == "ok"]
    yield Check(AREA, "dependencies", "ok", f"{len(good)} of {len(checks)} in the versions that are asked for")
    yield from (check for check in checks if check.status != "ok")
    yield from _highspy()


def check_extras() -> Iterator[Check]:
    """Optional packages, by the extra that installs them."""
    found: dict[str, list[Requirement]] = {}
    for requirement in _requirements() or ():
        extra = _extra(requirement)
        if extra and extra not in OURS:
            found.setdefault(extra, []).append(requirement)
    for extra, requirements in sorted(found.items()):
        yield _extra_check(extra, requirements)


def check_machine() -> Iterator[Check]:
    """Cores and memory that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("machine", "cores", "ok", f"{cores}; --workers {cores} uses them" if cores > 1 else "1")
    memory = memory_gb()
    if memory is None:
        return
    little = memory < LITTLE_GB
    remedy = f"give it at least {LITTLE_GB:g} GB, or solve small instances only" if little else ""
    yield Check("machine", "memory", "warn" if little else "ok", f"{memory:.1f} GB", remedy)


def memory_gb() -> float | None:
    """Memory of the machine, or of the container where that is less, GB; None where the system does not say."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(total, int(text) if text.isdigit() else total) / 1e9


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info >= (3, 11)
    remedy = (
        "" if fits else "gpufleet needs Python 3.11 or newer; make an environment with it: python3.11 -m venv .venv"
    )
    return Check(AREA, "Python", "ok" if fits else "fail", f"{version} at {sys.executable}", remedy)


def _requirements() -> list[Requirement] | None:
    """What the metadata asks for; None where gpufleet is not installed."""
    from packaging.requirements import Requirement

    try:
        listed = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return [Requirement(each) for each in listed]


def _extra(requirement: Requirement) -> str:
    """The extra that asks for it; empty where it is always needed."""
    marker = str(requirement.marker or "")
    return marker.partition("extra == ")[2].strip("\"' )") if "extra ==" in marker else ""


def _dependency(requirement: Requirement) -> Check:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(AREA, requirement.name, "fail", "not installed", _install(requirement))
    if requirement.specifier.contains(version, prereleases=True):
        return Check(AREA, requirement.name, "ok", version)
    found = f"{version}, outside {requirement.specifier}"
    return Check(AREA, requirement.name, "fail", found, _install(requirement))


def _install(requirement: Requirement) -> str:
    return f'pip install "{requirement.name}{requirement.specifier}"'


def _extra_check(extra: str, requirements: list[Requirement]) -> Check:
    """All of its packages in their versions, or what is wrong with them."""
    command = f'pip install "{DISTRIBUTION}[{extra}]"'
    states = [_dependency(requirement) for requirement in requirements]
    missing = [state for state in states if state.found == "not installed"]
    wrong = [state for state in states if state.status == "fail" and state not in missing]
    if missing:
        return Check("extras", extra, "off", f"{', '.join(state.name for state in missing)} not installed", command)
    if wrong:
        return Check("extras", extra, "warn", ", ".join(f"{state.name} {state.found}" for state in wrong), command)
    return Check("extras", extra, "ok", ", ".join(f"{state.name} {state.found}" for state in states))


def _highspy() -> Iterator[Check]:
    """OR-Tools carries a HiGHS of its own; another one in the process can break its import (docs/decisions.md)."""
    try:
        version = importlib.metadata.version("highspy")
    except importlib.metadata.PackageNotFoundError:
        return
    yield Check(
        AREA, "highspy", "warn", f"{version} is installed beside the HiGHS of OR-Tools",
        "gpufleet does not use it, and another version of HiGHS can break the import of OR-Tools (undefined symbol): "
        "pip uninstall highspy, or give gpufleet an environment of its own",
    )  # fmt: skip
