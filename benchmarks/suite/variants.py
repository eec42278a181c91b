"""Tight variants of an instance: stock, purchases, power or the bill, limited by what a plan without limits takes.

The plan is that of the greedy pass (`peers/local_search.py`), so that a variant follows from its instance alone; the
daily budget is that of the best plan known.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from suite.peers import local_search, question

if TYPE_CHECKING:
    from suite.files import Fields

ROUNDS = 3
"""How often the stock of what is used is cut."""
LEFT = 0.6
"""Part of the used nodes that stays in stock."""
PARTS = (1.0, 0.5, 0.25)
"""Part of the used offers whose stock is cut."""
LIFE_YEARS = 4
KW_PER_ACCELERATOR = 0.7
CAPEX_SHARE = 0.5
"""Purchases allowed, over those of buying the whole fleet."""
POWER_SHARE = 0.85
"""Power allowed, over that of the greedy plan."""
HOURS_PER_DAY = 24


def _named(fields: Fields, name: str, what: str) -> Fields:
    changed = copy.deepcopy(fields)
    changed["uid"] = name
    changed["title"] = f"{fields['title']}; {what}"
    return changed


def _nodes(fields: Fields) -> Counter[str]:
    """Nodes by offer that the greedy plan takes; of those rented by the hour, the most in any hour."""
    found = local_search.greedy(question.read(fields))
    if found is None:
        raise ValueError(f"{fields['uid']}: the greedy pass finds no plan")
    most: Counter[str] = Counter()
    for entry in found["nodes"]:
        most[entry["offer"]] = max(most[entry["offer"]], entry["count"])
    return most


def stock_tight(fields: Fields, name: str) -> Fields:
    """Three times over, the stock of every offer that the plan uses becomes 60 % of what it uses, but not 0.

    Where that leaves no plan that the greedy pass finds, only the most used half of the offers is cut, or a quarter."""
    changed = _named(fields, name, "stock tight")
    used = _nodes(changed)
    for _ in range(ROUNDS):
        for part in PARTS:
            tighter = _cut(changed, used, part)
            try:
                used = _nodes(tighter)
            except ValueError:
                continue
            changed = tighter
            break
    return changed


def _cut(fields: Fields, used: Counter[str], part: float) -> Fields:
    """Less stock of this part of the used offers, those with the most nodes first."""
    order = sorted((name for name in used if used[name]), key=lambda name: (-used[name], name))
    chosen = set(order[: max(1, round(part * len(order)))])
    offers = [
        offer | ({"stock": max(1, int(LEFT * used[offer["name"]]))} if offer["name"] in chosen else {})
        for offer in fields["offers"]
    ]
    return fields | {"offers": offers}


def budget_tight(fields: Fields, name: str, seed: int = 1) -> Fields:
    """All nodes can also be bought, for 45 to 75 % of four years' rent; purchases are limited to half of those of
    buying what the plan rents."""
    dice = Random(f"{seed}/budget/{name}")
    changed = _named(fields, name, "nodes can be bought, up to a budget for purchases")
    used, capex = _nodes(fields), 0.0
    changed["sites"][0]["electricity_usd_per_kwh"] = 0  # in the price; bought nodes must say so, and what they draw
    for node in changed["node_types"]:
        node["power_kw"] = round(KW_PER_ACCELERATOR * node["accelerators"], 2)
    for offer in [offer for offer in changed["offers"] if offer["term"] == "on_demand"]:
        price = round(offer["usd_per_hour"] * 8760 * LIFE_YEARS * dice.uniform(0.45, 0.75), 2)
        bought = {key: value for key, value in offer.items() if key not in ("usd_per_hour", "term", "name")}
        bought |= {"name": f"{offer['name']}-bought", "term": "purchase", "capex_usd": price, "life_years": LIFE_YEARS}
        changed["offers"].append(bought)
        capex += used[offer["name"]] * price
    changed["budgets"] = {"capex_usd": float(round(CAPEX_SHARE * capex, -2))}
    return changed


def power_tight(fields: Fields, name: str, seed: int = 1) -> Fields:
    """Nodes draw 0.4 to 1.2 kW an accelerator; the site has 85 % of the power that the plan draws."""
    dice = Random(f"{seed}/power/{name}")
    changed = _named(fields, name, "power tight")
    for node in changed["node_types"]:
        node["power_kw"] = round(node["accelerators"] * dice.uniform(0.4, 1.2), 2)
    power = {node["name"]: node["power_kw"] for node in changed["node_types"]}
    used = _nodes(fields)
    drawn = sum(used[offer["name"]] * power[offer["node_type"]] for offer in fields["offers"])
    changed["sites"][0]["power_cap_kw"] = float(round(POWER_SHARE * drawn, 1))
    return changed


def daily_budget(fields: Fields, name: str, best_usd_per_hour: float) -> Fields:
    """The bill of a day may be 1 % above that of the best plan known."""
    changed = _named(fields, name, "daily budget 1 % above the best plan known")
    changed["budgets"] = {"usd_per_day": float(math.ceil(1.01 * HOURS_PER_DAY * best_usd_per_hour))}
    return changed
