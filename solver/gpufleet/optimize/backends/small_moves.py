"""Routing shares on their grid by small moves, where fleets are full to the last request.

With the counts fixed, whole shares are a question of fitting: every class has its shares, every option its room. Shares
that a linear program leaves fit but for the last grid step of each option. Annealing moves some steps of a class from
one option to another, and some of another class back; what is counted is the room that is missing. Where half a
replica stands free all this is over at once; where 1e-5 of the capacity is free, as on `routed-60x400-tight`, it takes
a twentieth of a second, and CP-SAT finds nothing in a minute (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.formulation.linear_model import LinearModel

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TRIES = 3
STEPS = 2_000_000
"""Moves looked at in a try: half a second."""
HOT, COLD = 3e-7, 1e-8
"""Room, as a part of an option's capacity, that a move may cost at the beginning and at the end."""
MOST_STEPS = 3
"""Grid steps that a class moves at once."""
AT_FULL, AND_BACK = 0.3, 0.5
"""How often a move begins at an option that is overloaded, and how often another class comes back for it."""
FULL = 1 - 1e-12
"""Room of an option, a little short, so that sums in floating point do not look smaller than they are."""
DRIFT = 1e-9
"""Missing room below which it is added up anew, because a sum of millions of changes is not exact."""


@dataclass(frozen=True)
class _Fit:
    """Classes and options by number; `variable` is -1 and `load` nan where a class cannot go."""

    variable: Ints
    """(c, k) index of the share."""
    load: Floats
    """(c, k) part of the option's room that one grid step takes."""
    steps: Ints
    """(c,) grid steps of the class."""


def fitted(model: LinearModel, floats: list[float]) -> list[int] | None:
    """Values of a model of shares alone, near `floats`; None where its rows are of another kind, or nothing was found.

    The rows known here are sums of shares that must be met (`x_1 + ... + x_n = steps`), one for each share, and room
    that must not be exceeded (`loads * x <= room`), one at most for each share.
    """
    fit = _fit(model)
    if fit is None:
        return None
    start = _whole(fit, floats)
    for seed in range(TRIES):
        shares = start.copy()
        if _annealed(fit.load, shares, STEPS, seed, np.array([HOT, COLD])):
            values = [0] * len(model.variables)
            for index, value in zip(fit.variable.ravel().tolist(), shares.ravel().tolist(), strict=True):
                if index >= 0:
                    values[index] = value
            if not model.violated(values):
                return values
    return None


def _fit(model: LinearModel) -> _Fit | None:
    """The rows as classes and options; None where some are of another kind."""
    count = len(model.variables)
    owner, option, load = np.full(count, -1), np.full(count, -1), np.zeros(count)
    steps, rooms = list[int](), 0
    for row in model.rows:
        indices, values = [index for index, _ in row.terms], [value for _, value in row.terms]
        is_class = row.lower is not None and row.lower == row.upper and set(values) == {1}
        is_room = row.lower is None and row.upper is not None and row.upper >= 0 and min(values) > 0
        number = owner if is_class else option
        if not (is_class or is_room) or (number[indices] >= 0).any() or row.upper is None:
            return None
        number[indices] = len(steps) if is_class else rooms
        if is_class:
            steps.append(row.upper)
        else:
            load[indices] = [value / row.upper if row.upper else np.inf for value in values]
            rooms += 1
    if (owner < 0).any() or (option < 0).any() or any(v.lower != 0 for v in model.variables):
        return None
    return _among(owner, option, load, np.array(steps), [v.upper for v in model.variables])


def _among(owner: Ints, option: Ints, load: Floats, steps: Ints, most: list[int]) -> _Fit | None:
    """The same, for the options that have room at all."""
    usable = np.isfinite(load) & (np.array(most) >= steps[owner])
    names, column = np.unique(option[usable], return_inverse=True)
    variable = np.full((len(steps), len(names)), -1)
    if len(np.unique(owner[usable])) < len(steps):
        return None
    variable[owner[usable], column] = np.flatnonzero(usable)
    if (variable >= 0).sum() < usable.sum():  # a class has two ways to one option
        return None
    loads = np.full(variable.shape, np.nan)
    loads[owner[usable], column] = load[usable]
    return _Fit(variable, loads, steps)


def _whole(fit: _Fit, floats: list[float]) -> Ints:
    """(c, k) whole shares: rounded down, what is left of a class where the most room is."""
    given = np.array([*floats, 0.0])[fit.variable]
    shares = np.where(fit.variable >= 0, np.floor(np.maximum(given, 0) + 1e-6), 0).astype(np.int64)
    used = np.nansum(fit.load * shares, axis=0)
    for c, steps in enumerate(fit.steps.tolist()):
        left = steps - int(shares[c].sum())
        for _ in range(abs(left)):
            possible = fit.variable[c] >= 0 if left > 0 else shares[c] > 0
            k = int(np.argmin(np.where(possible, used + np.sign(left) * np.nan_to_num(fit.load[c]), np.inf)))
            shares[c, k] += np.sign(left)
            used[k] += np.sign(left) * fit.load[c, k]
    return shares


@njit(cache=True, nogil=True)
def _annealed(load: Floats, shares: Ints, steps: int, seed: int, heat: Floats) -> bool:
    """Change `shares` until every option has room for its own; False where that did not come about."""
    np.random.seed(seed)
    used = np.zeros(load.shape[1])
    for c in range(load.shape[0]):
        for k in range(load.shape[1]):
            if shares[c, k] > 0:
                used[k] += load[c, k] * shares[c, k]
    missing = _missing(used)
    for step in range(steps):
        if missing <= DRIFT:
            missing = _missing(used)
        if missing == 0.0:
            return True
        now = heat[0] * (heat[1] / heat[0]) ** (step / steps)
        missing += _move(load, shares, used, _source(used), np.random.randint(len(used)), now)
    return _missing(used) == 0.0


@njit(cache=True, nogil=True)
def _missing(used: Floats) -> float:
    """Room that is missing over all options."""
    total = 0.0
    for part in used:
        total += max(0.0, part - FULL)
    return total


@njit(cache=True, nogil=True)
def _source(used: Floats) -> int:
    """An option to move from: any, or one that is overloaded."""
    if np.random.random() < AT_FULL:
        for _ in range(len(used)):
            k = np.random.randint(len(used))
            if used[k] > FULL:
                return int(k)
    return int(np.random.randint(len(used)))


@njit(cache=True, nogil=True)
def _move(load: Floats, shares: Ints, used: Floats, source: int, target: int, heat: float) -> float:
    """Steps of a class from one option to another, and maybe some of another class back; by how much more is missing.

    0 where the move was not possible or not taken.
    """
    c = _class_between(load, shares, source, target, -1)
    if source == target or c < 0:
        return 0.0
    moved = min(shares[c, source], 1 + np.random.randint(MOST_STEPS))
    here, there = used[source] - load[c, source] * moved, used[target] + load[c, target] * moved
    back, returned = -1, 0
    if np.random.random() < AND_BACK:
        back = _class_between(load, shares, target, source, c)
    if back >= 0:
        returned = min(shares[back, target], 1 + np.random.randint(MOST_STEPS))
        here += load[back, source] * returned
        there -= load[back, target] * returned
    before = max(0.0, used[source] - FULL) + max(0.0, used[target] - FULL)
    change = max(0.0, here - FULL) + max(0.0, there - FULL) - before
    if change > 0 and np.random.random() >= np.exp(-change / heat):
        return 0.0
    shares[c, source] -= moved
    shares[c, target] += moved
    if back >= 0:
        shares[back, target] -= returned
        shares[back, source] += returned
    used[source], used[target] = here, there
    return float(change)


@njit(cache=True, nogil=True)
def _class_between(load: Floats, shares: Ints, source: int, target: int, but: int) -> int:
    """A class, from a random one on, that has shares at `source` and can go to `target`; -1 where there is none."""
    classes = len(load)
    first = np.random.randint(classes)
    for number in range(classes):
        c = (first + number) % classes
        if c != but and shares[c, source] > 0 and not np.isnan(load[c, target]):
            return c
    return -1
