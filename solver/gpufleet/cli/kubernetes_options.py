"""Options of `export --format kubernetes`: what a plan does not know about a cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.report.kubernetes.bundle import Manifests
    from gpufleet.report.kubernetes.settings import KubernetesSettings
    from gpufleet.schema.resolved import ResolvedInstance

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""DNS-1123."""
NAMES = ("namespace", "images", "model_claim", "training_claim", "timezone", "clocks", "stage", "site", "validate")
DEFAULTS = {"model_claim": "models", "training_claim": "training", "timezone": "Etc/UTC"}


def kubernetes_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Everything about the cluster; given with another format, they are refused."""
    options = (
        click.option("--namespace", metavar="NAME", help="Kubernetes: instead of one named after the instance."),
        click.option(
            "--image",
            "images",
            multiple=True,
            metavar="KEY=IMAGE",
            help="Kubernetes: image of an engine, as in vllm=registry/vllm@sha256:...; docs/export.md has the keys.",
        ),
        click.option(
            "--model-claim", metavar="NAME", help="Kubernetes: volume claim with checkpoints.  [default: models]"
        ),
        click.option(
            "--training-claim", metavar="NAME", help="Kubernetes: volume claim of training runs.  [default: training]"
        ),
        click.option("--timezone", metavar="ZONE", help="Kubernetes: IANA time zone of the clock.  [default: Etc/UTC]"),
        click.option(
            "--clock",
            "clocks",
            multiple=True,
            metavar="PERIOD=WINDOW",
            help="Kubernetes: when a period comes, as in 'night=22:00-06:00' or 'day=mon-fri 08:00-18:00'. Repeatable.",
        ),
        click.option("--stage", metavar="NAME", help="Kubernetes: the stage to write.  [default: the first]"),
        click.option("--site", metavar="NAME", help="Kubernetes: only what runs there, for a cluster per site."),
        click.option(
            "--validate",
            is_flag=True,
            help="Kubernetes: check against its schemas (pip install 'gpufleet[kubernetes]').",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def refuse_without_kubernetes(given: dict[str, Any], form: str) -> None:
    """An option that would have no effect is a mistake."""
    used = [name for name in NAMES if given[name]]
    if used and form != "kubernetes":
        names = {"images": "image", "clocks": "clock"}
        option = names.get(used[0], used[0]).replace("_", "-")
        raise click.UsageError(f"--{option} belongs to --format kubernetes, not to {form}")


def kubernetes_settings(resolved: ResolvedInstance, given: dict[str, Any]) -> KubernetesSettings:
    """The options, checked against the instance."""
    from gpufleet.report.kubernetes.settings import KubernetesSettings

    for name in ("namespace", "model_claim", "training_claim"):
        if given[name] and not LABEL.fullmatch(given[name]):
            hint = f"--{name.replace('_', '-')}"
            words = "is no name that Kubernetes takes: lower-case letters, digits and hyphens, as in ai-serving"
            raise click.BadParameter(f"{given[name]!r} {words}", param_hint=hint)
    _known(given["stage"], [stage.name for stage in resolved.instance.stages], "stage", "--stage")
    _known(given["site"], list(resolved.sites), "site", "--site")
    return KubernetesSettings(
        namespace=given["namespace"],
        images=dict(_image(text) for text in given["images"]),
        model_claim=given["model_claim"] or DEFAULTS["model_claim"],
        training_claim=given["training_claim"] or DEFAULTS["training_claim"],
        timezone=_zone(given["timezone"] or DEFAULTS["timezone"]),
        clock=dict(_clock(text, [period.name for period in resolved.instance.periods]) for text in given["clocks"]),
        stage=given["stage"],
        site=given["site"],
    )


def _known(name: str | None, names: list[str], what: str, hint: str) -> None:
    if name is not None and name not in names:
        there = f"it has {', '.join(names)}" if names else "it has none"
        raise click.BadParameter(f"the instance has no {what} {name!r}; {there}", param_hint=hint)


def _image(text: str) -> tuple[str, str]:
    from gpufleet.report.kubernetes.settings import IMAGES

    key, _, image = text.partition("=")
    if key not in IMAGES or not re.fullmatch(r"[\w][\w./:@-]*", image):
        keys = ", ".join(IMAGES)
        raise click.BadParameter(f"{text!r}: write KEY=IMAGE, KEY one of {keys}", param_hint="--image")
    return key, image


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(
            f"{name!r} is no IANA time zone such as Europe/Berlin", param_hint="--timezone"
        ) from None
    return name


def _clock(text: str, periods: list[str]) -> tuple[str, Any]:
    from gpufleet.report.kubernetes.clock import parse_window

    name, _, window = text.partition("=")
    _known(name, periods, "period", "--clock")
    try:
        return name, parse_window(window)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--clock") from None


def check_manifests(found: Manifests) -> str:
    """Hold every object against the schemas of Kubernetes that are bundled with kubernetes-validate; a sentence.

    Raises MissingExtraError without that package, ClickException with everything that is wrong.
    """
    try:
        import kubernetes_validate
    except ImportError:
        from gpufleet.errors import MissingExtraError

        raise MissingExtraError(
            "--validate needs kubernetes-validate; install it with: pip install 'gpufleet[kubernetes]'"
        ) from None
    version = kubernetes_validate.latest_version()
    checked, foreign, wrong = 0, set(), []
    for file, objects in found.objects.items():
        for member in objects:
            try:
                kubernetes_validate.validate(member, version, strict=True)
                checked += 1
            except kubernetes_validate.SchemaNotFoundError:
                foreign.add(member["kind"])
            except kubernetes_validate.ValidationError as error:
                wrong.append(f"{file}: {member['kind']}: {error.message}")
    if wrong:
        raise click.ClickException("\n".join(["gpufleet has a bug: manifests that Kubernetes refuses", *wrong]))
    rest = f"; no schema here for {', '.join(sorted(foreign))}" if foreign else ""
    return f"{checked} objects keep the schemas of Kubernetes {version}{rest}"
