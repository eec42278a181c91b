"""Routing shares on their grid by small moves, where fleets are full to the last request.

With the counts fixed, whole shares are a question of fitting: every class has its grid steps, every option its room. A
linear program shares the room that is free evenly, in grid steps; its shares are rounded, and annealing repairs what
does not fit: it moves some steps of a class from one option to another, and some of another class back. Where 1e-5 of
the capacity is free, as on `routed-60x400-tight`, that takes hundredths of a second; CP-SAT finds nothing in half a
minute (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from scipy.optimize import linprog
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.formulation.linear_model import LinearModel

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TRIES = 3
STEPS = 2_000_000
"""Moves looked at in a try: half a second."""
HOT, COLD = 1e-6, 1e-8
"""Room, as a part of an option's capacity, that a move may cost at the beginning and at the end."""
MOST_STEPS = 3
"""Grid steps that a class moves at once."""
AT_FULL, AND_BACK = 0.3, 0.5
"""How often a move begins at an option that is overloaded, and how often another class comes back for it."""
FULL = 1 - 1e-12
"""Room of an option, a little short, so that sums in floating point do not look smaller than they are."""
POINTS = 1e4
"""An option's room: loads in hundredths of a percent, so that a tolerance of 1e-7 is small beside a grid step."""
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


def fitted(model: LinearModel) -> list[int] | None:
    """Values of a model of shares alone; None where its rows are of another kind, or nothing was found.

    The rows known here are sums of shares that must be met (`x_1 + ... + x_n = steps`), one for each share, and room
    that must not be exceeded (`loads * x <= room`), one for each share.
    """
    fit = _fit(model)
    start = None if fit is None else _roomy(fit)
    if fit is None or start is None:
        return None
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


def _roomy(fit: _Fit) -> Ints | None:
    """(c, k) whole shares near those that leave every option the most room, in its median step; None without a fit."""
    classes, options = fit.load.shape
    possible = fit.variable >= 0
    c, k = np.nonzero(possible)
    count, room = len(c), np.arange(options)
    steps = np.nanmedian(fit.load, axis=0)
    loads = np.concatenate((fit.load[possible], steps)) * POINTS
    solve: Any = linprog
    found = solve(
        np.append(np.zeros(count), -1.0),
        A_ub=csr_array((loads, (np.append(k, room), np.append(np.arange(count), np.full(options, count))))),
        b_ub=np.full(options, POINTS),
        A_eq=csr_array((np.ones(count), (c, np.arange(count))), shape=(classes, count + 1)),
        b_eq=fit.steps,
        bounds=[*[(0, None)] * count, (None, None)],
        method="highs",
    )
    if found.status != 0:
        return None
    shares = np.zeros(possible.shape)
    shares[possible] = found.x[:count]
    return _whole(fit, shares)


def _whole(fit: _Fit, near: Floats) -> Ints:
    """(c, k) whole shares: rounded down, what is left of a class where the most room is."""
    shares = np.floor(np.maximum(near, 0) + 1e-6).astype(np.int64)
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
