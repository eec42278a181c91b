"""What runs in one period while a peer searches: replicas, who serves what, and the accelerators that this takes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.peers.question import Question

Item = tuple[int, str]
"""Position of a workload, and a class of it."""
EPSILON = 1e-9


@lru_cache(maxsize=1)
def able(question: Question) -> dict[Item, list[tuple[int, float, int, int]]]:
    """What can serve each class: option, requests/s, pool, accelerators per replica."""
    return {
        (w, name): [(k, o.rates[name], o.pool, o.size) for k, o in enumerate(workload.options) if name in o.rates]
        for w, workload in enumerate(question.workloads)
        for name in workload.classes
    }


class State:
    """One period: what runs, and who serves what."""

    def __init__(self, question: Question, period: int, penalty: float) -> None:
        self.question, self.period = question, period
        pools = question.pools
        power = sum(pool.power_kw for pool in pools) / len(pools)
        scale = penalty * sum(pool.price for pool in pools) / len(pools) / power if power else 0.0
        self.price = [pool.price + scale * pool.power_kw for pool in pools]
        self.size = [pool.size for pool in pools]
        self.room = [pool.stock * pool.size for pool in pools]
        self.used = [0] * len(pools)
        self.load: list[dict[int, dict[str, float]]] = [{} for _ in question.workloads]
        """By workload and option: class to the share of it that is served."""
        self.replicas: list[dict[int, int]] = [{} for _ in question.workloads]
        self.able = able(question)

    def demand(self, item: Item) -> float:
        """Requests/s of the class in this period."""
        workload = self.question.workloads[item[0]]
        return workload.classes[item[1]] * workload.factors[self.period]

    def cost(self) -> float:
        """USD an hour, penalties included."""
        return sum(p * -(-u // s) for p, u, s in zip(self.price, self.used, self.size, strict=True))

    def _taken(self, w: int, k: int) -> float:
        """Replicas' worth of load."""
        rates = self.question.workloads[w].options[k].rates
        return sum(share * self.demand((w, name)) / rates[name] for name, share in self.load[w].get(k, {}).items())

    def _open(self, w: int, k: int, count: int) -> None:
        option = self.question.workloads[w].options[k]
        self.used[option.pool] += count * option.size
        self.replicas[w][k] = self.replicas[w].get(k, 0) + count

    def _serve(self, item: Item, k: int, amount: float) -> None:
        shares = self.load[item[0]].setdefault(k, {})
        shares[item[1]] = shares.get(item[1], 0.0) + amount / self.demand(item)

    def place(self, item: Item, banned: int | None = None) -> bool:
        """Serve a class; False where there is no room for it. Nothing opens on the pool that is banned."""
        w, name = item
        left = whole = self.demand(item)
        options = self.question.workloads[w].options
        for k, count in list(self.replicas[w].items()):
            rate = options[k].rates.get(name, 0.0)
            spare = count - self._taken(w, k)
            if rate and spare > EPSILON and options[k].pool != banned:
                amount = min(left, spare * rate)
                self._serve(item, k, amount)
                left -= amount
        while left > EPSILON * whole:
            found = self._cheapest(item, left, banned)
            if found is None:
                return False
            k, count = found
            self._open(w, k, count)
            amount = min(left, count * options[k].rates[name])
            self._serve(item, k, amount)
            left -= amount
        return True

    def _cheapest(self, item: Item, left: float, banned: int | None) -> tuple[int, int] | None:
        """The option and number of replicas of least cost per covered demand: all that is left, or whole replicas."""
        best: tuple[float, float, int, int] | None = None
        for k, rate, pool, taken_each in self.able[item]:
            if pool == banned:
                continue
            size, used = self.size[pool], self.used[pool]
            fits = (self.room[pool] - used) // taken_each
            if fits < 1:
                continue
            exact, there = left / rate, -(-used // size)
            most = math.ceil(exact - EPSILON) or 1
            for count in (most, int(exact)) if 0 < int(exact) < most else (most,):
                count = min(count, fits)
                more = self.price[pool] * (-(-(used + count * taken_each) // size) - there)
                score = (more / min(left, count * rate), more, k, count)
                best = score if best is None or score < best else best
        return None if best is None else best[2:]

    def take_out(self, item: Item) -> None:
        """Serve a class no longer, and close the replicas that this leaves without load."""
        w, name = item
        for k, shares in list(self.load[w].items()):
            if shares.pop(name, None) is not None:
                keep = math.ceil(self._taken(w, k) - EPSILON)
                self._open(w, k, keep - self.replicas[w][k])
                if not keep:
                    del self.replicas[w][k], self.load[w][k]

    def saved(self, w: int) -> tuple[list[int], dict[int, dict[str, float]], dict[int, int]]:
        """What a change to one workload can touch."""
        return self.used.copy(), {k: dict(s) for k, s in self.load[w].items()}, dict(self.replicas[w])

    def restore(self, w: int, saved: tuple[list[int], dict[int, dict[str, float]], dict[int, int]]) -> None:
        """Undo it."""
        self.used, self.load[w], self.replicas[w] = saved
