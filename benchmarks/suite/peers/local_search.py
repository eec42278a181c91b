"""Greedy construction and local search, in the manner of Cheng and Nguyen (arXiv 2604.07472), from its description.

Greedy: one request class after the other takes what active replicas have to spare, then opens replicas by cost per
covered demand, counting only nodes that are not there yet. Adaptive: several starts (orders of the classes), then moves
(take one class out, place it anew, keep what is cheaper) and consolidation (empty the last node of a pool).
"""

from __future__ import annotations

import math
import time
from random import Random
from typing import TYPE_CHECKING

from suite.peers.contracts import taken
from suite.peers.question import Running, plan
from suite.peers.state import EPSILON, State

if TYPE_CHECKING:
    from suite.peers.question import Fields, Question
    from suite.peers.state import Item

STARTS = 6
ATTEMPTS = 8
"""Most passes of one start until there is room for everybody; each must leave fewer without."""
TOGETHER = 24
"""Most classes that leave a pool together."""
PENALTIES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Prices of power under a cap, in mean node prices per mean node power."""


def solve(question: Question, seconds: float, seed: int = 0) -> Fields | None:
    """A plan, or None where none was found; at most about `seconds` of search."""
    deadline = time.monotonic() + seconds
    for number, penalty in enumerate(PENALTIES if question.power_cap_kw is not None else (0.0,)):
        states = []
        for period in range(len(question.periods)):
            share = (deadline - time.monotonic()) / (len(question.periods) - period) / (1 if number else 2)
            state = _period(question, period, penalty, Random(seed), time.monotonic() + share)
            if state is None:
                return None
            states.append(state)
        needed = [_nodes(state) for state in states]
        if _power(question, needed) <= (question.power_cap_kw or math.inf):
            nodes = taken(question, needed)
            return None if nodes is None else plan(question, _running(states), nodes)
    return None


def _power(question: Question, needed: list[list[int]]) -> float:
    return max(sum(n * pool.power_kw for n, pool in zip(row, question.pools, strict=True)) for row in needed)


def _running(states: list[State]) -> list[Running]:
    return [
        Running(t, w, k, count, state.load[w].get(k, {}))
        for t, state in enumerate(states)
        for w, row in enumerate(state.replicas)
        for k, count in row.items()
        if count
    ]


def greedy(question: Question) -> Fields | None:
    """The plan of a single greedy pass (or the first that finds room for everybody): the same at any speed."""
    states = [_start(question, period, 0.0, 0, Random(0), math.inf) for period in range(len(question.periods))]
    found = [state for state in states if state is not None]
    if len(found) < len(states):
        return None
    nodes = taken(question, [_nodes(state) for state in found])
    return None if nodes is None else plan(question, _running(found), nodes)


def _nodes(state: State) -> list[int]:
    return [-(-u // s) for u, s in zip(state.used, state.size, strict=True)]


def _period(question: Question, period: int, penalty: float, dice: Random, deadline: float) -> State | None:
    """The best of several greedy starts, each improved until nothing helps or the time is up."""
    best: State | None = None
    for number in range(STARTS):
        if number and time.monotonic() > deadline:
            break
        state = _start(question, period, penalty, number, dice, deadline)
        while state is not None and _improved(state, dice, deadline):
            pass
        if state is not None and (best is None or state.cost() < best.cost() - EPSILON):
            best = state
    return best


def _start(question: Question, period: int, penalty: float, number: int, dice: Random, deadline: float) -> State | None:
    """A greedy pass; whoever finds no room comes first in the next attempt."""
    first: dict[Item, None] = {}
    fewest = math.inf
    for _ in range(ATTEMPTS):
        state = State(question, period, penalty)
        order = [*first, *(item for item in _order(state, number, dice) if item not in first)]
        stuck = [item for item in order if not state.place(item)]
        if not stuck:
            return state
        first = dict.fromkeys([*stuck, *first])
        if len(stuck) >= fewest or time.monotonic() > deadline:
            break
        fewest = len(stuck)
    return None


def _order(state: State, start: int, dice: Random) -> list[Item]:
    """The file's order, the largest first, the least flexible first, then at random."""
    workloads = state.question.workloads
    items = [(w, name) for w, workload in enumerate(workloads) for name in workload.classes]
    items = [item for item in items if state.demand(item) > 0]
    if start == 1:
        items.sort(key=lambda item: -state.demand(item))
    elif start == 2:
        items.sort(key=lambda item: sum(item[1] in option.rates for option in workloads[item[0]].options))
    elif start:
        dice.shuffle(items)
    return items


def _improved(state: State, dice: Random, deadline: float) -> bool:
    """One round of moves of single classes, then of consolidation: pools that few use are emptied altogether."""
    before = state.cost()
    for item in _order(state, 3, dice):
        if time.monotonic() > deadline:
            return False
        _try(state, [item], None)
    users = _users(state)
    for pool in sorted(users, key=lambda pool: len(users[pool])):
        items = users[pool]
        for group in [items] if len(items) <= TOGETHER else ([item] for item in items):
            if time.monotonic() > deadline:
                return False
            _try(state, group, pool)
    return state.cost() < before - EPSILON


def _users(state: State) -> dict[int, list[Item]]:
    """The classes that each pool serves."""
    found: dict[int, dict[Item, None]] = {}
    for w, row in enumerate(state.load):
        options = state.question.workloads[w].options
        for k, shares in row.items():
            found.setdefault(options[k].pool, {}).update(dict.fromkeys((w, name) for name in shares))
    return {pool: list(items) for pool, items in found.items()}


def _try(state: State, items: list[Item], banned: int | None) -> None:
    """Place classes anew, and keep the new places if they are cheaper."""
    before = state.cost()
    saved = {w: state.saved(w) for w in dict.fromkeys(w for w, _ in items)}
    for item in items:
        state.take_out(item)
    if not all(state.place(item, banned) for item in items) or state.cost() >= before - EPSILON:
        for w, known in saved.items():
            state.restore(w, known)
