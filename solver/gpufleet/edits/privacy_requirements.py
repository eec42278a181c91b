"""Where the data of a workload may go: each clause is a requirement of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from gpufleet.edits.requirement import Choice, Requirement, with_workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

LOCATIONS: Final = {"on_prem": "own premises", "private": "own premises or a private cloud"}
WIDER: Final = {
    "on_prem": (("private", "allow a private cloud"), ("any", "allow public clouds")),
    "private": (("any", "allow public clouds"),),
}
"""What else could be allowed, the least first."""
CLAUSES: Final = {"countries": "country", "regions": "region", "providers": "provider"}
"""Lists of a privacy rule, and the field of a site that they are about."""


def privacy_requirements(resolved: ResolvedInstance, workload: Workload, number: int) -> Iterator[Requirement]:
    """Location, countries, regions, providers, and each certificate."""
    rules = workload.privacy
    if rules.locations != "any":
        yield Requirement(
            kind="privacy",
            words=f"data of {workload.name} only on {LOCATIONS[rules.locations]}",
            loc=("workloads", number, "privacy", "locations"),
            lift=partial(_with_privacy, number=number, fields={"locations": "any"}),
            lifting=f"allow public clouds for {workload.name}",
            choices=tuple(
                Choice(
                    f"{words} for {workload.name}", partial(_with_privacy, number=number, fields={"locations": wider})
                )
                for wider, words in WIDER[rules.locations]
            ),
            ordered=True,
        )
    for field, of_site in CLAUSES.items():
        allowed: tuple[str, ...] | None = getattr(rules, field)
        if allowed is not None:
            names = {getattr(site, of_site) for site in resolved.instance.sites} - {None, *allowed}
            yield Requirement(
                kind="privacy",
                words=f"data of {workload.name} only in the {field} {', '.join(allowed)}",
                loc=("workloads", number, "privacy", field),
                lift=partial(_with_privacy, number=number, fields={field: None}),
                lifting=f"allow all {field} for {workload.name}",
                choices=tuple(
                    Choice(
                        f"allow {of_site} {name} for {workload.name} too",
                        partial(_with_privacy, number=number, fields={field: (*allowed, name)}),
                    )
                    for name in sorted(names)
                ),
            )
    for rank, certificate in enumerate(rules.certifications):
        yield Requirement(
            kind="privacy",
            words=f"sites of {workload.name} hold {certificate}",
            loc=("workloads", number, "privacy", "certifications", rank),
            lift=partial(_without_certificate, number=number, certificate=certificate),
            lifting=f"accept sites without {certificate} for {workload.name}",
        )


def _with_privacy(resolved: ResolvedInstance, number: int, fields: dict[str, object]) -> ResolvedInstance:
    known = resolved.instance.workloads[number].privacy
    return with_workload(resolved, number, privacy=known.model_copy(update=fields))


def _without_certificate(resolved: ResolvedInstance, number: int, certificate: str) -> ResolvedInstance:
    held = resolved.instance.workloads[number].privacy.certifications
    kept = tuple(name for name in held if name != certificate)
    return _with_privacy(resolved, number, {"certifications": kept})
