"""An instance as the peers see it: pools with prices, workloads with options, demand by the hour. And plans, back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HOURS_PER_YEAR = 8760
PLENTY = 10**9
"""Nodes: more than anybody needs."""
Fields = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """One way to have nodes of a pool."""

    name: str
    usd_per_hour: float
    stock: int | None
    by_the_hour: bool
    """Rented for single periods; else there in all of them."""
    capex: float = 0.0
    """USD per node."""


@dataclass(frozen=True)
class Pool:
    """Nodes of one type."""

    name: str
    site: str
    size: int
    """Accelerators per node."""
    power_kw: float
    offers: tuple[Offer, ...]

    @property
    def stock(self) -> int:
        """Most nodes there can be; `PLENTY` where there is no limit."""
        return min(PLENTY, sum(PLENTY if offer.stock is None else offer.stock for offer in self.offers))

    @property
    def price(self) -> float:
        """USD per hour and node: the mean over the ways to have one."""
        return sum(offer.usd_per_hour for offer in self.offers) / len(self.offers)


@dataclass(frozen=True)
class Option:
    """A way to serve a workload: its pool, accelerators per replica, requests/s by class."""

    name: str
    pool: int
    size: int
    rates: dict[str, float]


@dataclass(frozen=True)
class Workload:
    """Classes with their highest rate, and the factor on it in each period."""

    name: str
    classes: dict[str, float]
    factors: tuple[float, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class Question:
    """The whole instance."""

    name: str
    periods: tuple[tuple[str | None, float], ...]
    """Name (None: the whole horizon) and hours."""
    pools: tuple[Pool, ...]
    workloads: tuple[Workload, ...]
    power_cap_kw: float | None
    capex_cap: float | None


def read(fields: Fields) -> Question:
    """A generated instance: one site, profiled workloads, nodes for rent, reserved or bought."""
    site, sizes = fields["sites"][0], {node["name"]: node for node in fields["node_types"]}
    by_type: dict[str, list[Offer]] = {}
    for offer in fields["offers"]:
        by_type.setdefault(offer["node_type"], []).append(_offer(offer))
    pools = tuple(
        Pool(name, site["name"], sizes[name]["accelerators"], sizes[name].get("power_kw", 0.0), tuple(offers))
        for name, offers in by_type.items()
    )
    position = {pool.name: index for index, pool in enumerate(pools)}
    periods = [(period["name"], period["hours"]) for period in fields.get("periods", ())]
    return Question(
        name=fields["uid"],
        periods=tuple(periods) or ((None, fields["horizon_hours"]),),
        pools=pools,
        workloads=tuple(
            _workload(workload, position, [name for name, _ in periods]) for workload in fields["workloads"]
        ),
        power_cap_kw=site.get("power_cap_kw"),
        capex_cap=fields.get("budgets", {}).get("capex_usd"),
    )


def _offer(fields: Fields) -> Offer:
    capex = fields.get("capex_usd", 0.0)
    hourly = fields["usd_per_hour"] if not capex else capex / (fields["life_years"] * HOURS_PER_YEAR)
    return Offer(fields["name"], hourly, fields.get("stock"), fields["term"] == "on_demand", capex)


def _workload(fields: Fields, position: dict[str, int], periods: list[str]) -> Workload:
    floors = {c["name"]: {f["metric"]: f["at_least"] for f in c.get("accuracy", ())} for c in fields["classes"]}
    return Workload(
        name=fields["name"],
        classes={c["name"]: c["requests_per_s"] for c in fields["classes"]},
        factors=tuple(fields["demand_factors"][name] for name in periods) or (1.0,),
        options=tuple(
            Option(o["name"], position[o["node_type"]], o["accelerators"], _allowed(o, floors))
            for o in fields["options"]
        ),
    )


def _allowed(option: Fields, floors: dict[str, dict[str, float]]) -> dict[str, float]:
    """Rates of the classes that the option is good enough for."""
    quality = {figure["metric"]: figure["at_least"] for figure in option.get("accuracy", ())}
    return {
        name: rate
        for name, rate in option["rates"].items()
        if rate and all(quality.get(metric, 0.0) >= least for metric, least in floors[name].items())
    }


@dataclass(frozen=True)
class Running:
    """Replicas of one option in one period, and the share of each class that they serve."""

    period: int
    workload: int
    option: int
    replicas: int
    shares: dict[str, float]


def plan(question: Question, running: list[Running], nodes: dict[tuple[str, str | None], int]) -> Fields:
    """A plan file: no certificate, for nothing is proven. `nodes` by offer and period."""
    routing = [
        {
            "workload": question.workloads[entry.workload].name,
            "request_class": name,
            "deployment": index,
            "share": min(share, 1.0),
        }
        for index, entry in enumerate(running)
        for name, share in entry.shares.items()
    ]
    return {
        "schema_version": 1,
        "instance": question.name,
        "nodes": [
            {"offer": offer, "count": count} | ({} if period is None else {"period": period})
            for (offer, period), count in nodes.items()
            if count
        ],
        "deployments": [_deployment(question, entry) for entry in running],
        "routing": routing,
    }


def _deployment(question: Question, entry: Running) -> Fields:
    workload = question.workloads[entry.workload]
    option = workload.options[entry.option]
    pool, period = question.pools[option.pool], question.periods[entry.period][0]
    fields = {
        "workload": workload.name,
        "site": pool.site,
        "node_type": pool.name,
        "replicas": entry.replicas,
        "option": option.name,
        "parallelism": {"tensor": option.size},
    }
    return fields if period is None else fields | {"period": period}
