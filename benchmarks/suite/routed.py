"""Routed services: one workload whose request classes are shared out over many deployment options.

Every class's rate is split over the options; the load of an option, summed over classes as rate x load per request, is
at most its replicas; replicas cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from suite import files

if TYPE_CHECKING:
    from suite.files import Fields

SERVES = 0.6
"""Chance that an option can serve a class."""


@dataclass(frozen=True)
class Option:
    """One way to serve: cents per hour and replica, and the part of a replica that one request/s of a class takes."""

    name: str
    cost: int
    loads: dict[str, float]


@dataclass(frozen=True)
class Service:
    """Request classes with their rates (requests/s), and options."""

    name: str
    rates: dict[str, float]
    options: tuple[Option, ...]
    origin: str = files.ORIGIN


def generated(name: str, classes: int, options: int, seed: int = 1) -> Service:
    """A random service: classes of 20 to 180 requests/s, replicas of 1 to 90 USD an hour, and loads that cost 40 to 170
    cents per request/s. `seed` fixes every figure."""
    dice = Random(f"{seed}/routed/{classes}/{options}")
    rates = {f"c{c}": round(dice.uniform(20, 180), 6) for c in range(classes)}
    hard = {name: dice.uniform(0.8, 1.2) for name in rates}
    made = tuple(_option(dice, number, hard) for number in range(options))
    origin = f"Generated at random with seed {seed}: routed service of {classes} classes over {options} options"
    return Service(name, rates, made, origin)


def _option(dice: Random, number: int, hard: dict[str, float]) -> Option:
    cost = round(10 ** dice.uniform(2, 3.96))
    loads = {c: round(dice.uniform(45, 140) * h / cost, 9) for c, h in hard.items() if dice.random() < SERVES}
    return Option(f"d{number}", cost, loads or {next(iter(hard)): round(140 / cost, 9)})


def from_compact(fields: Fields) -> Service:
    """A service from its compact form: classes with rates, options with costs and loads per request."""
    rates = {group["name"]: group["rate"] for group in fields["classes"]}
    options = tuple(Option(o["name"], o["cost"], o["load_per_request"]) for o in fields["options"])
    return Service(fields["name"], rates, options)


def converted(service: Service) -> Fields:
    """The service as an instance: an option is a node of one accelerator, which a replica takes whole."""
    return files.instance(
        service.name,
        f"{len(service.rates)} request classes over {len(service.options)} options, costs in USD an hour",
        service.origin,
        [files.node_type(option.name, 1, service.origin) for option in service.options],
        [files.on_demand(option.name, option.cost, service.origin) for option in service.options],
        [_profiled(service)],
    )


def _profiled(service: Service) -> Fields:
    return {
        "kind": "profiled",
        "name": "service",
        "classes": [{"name": name, "requests_per_s": rate} for name, rate in service.rates.items()],
        "options": [
            {
                "name": option.name,
                "node_type": option.name,
                "accelerators": 1,
                "rates": {name: 1 / load for name, load in option.loads.items()},
            }
            for option in service.options
        ],
    }
