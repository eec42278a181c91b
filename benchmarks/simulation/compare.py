"""Simulated percentiles beside those of the formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpufleet.performance import queueing
from gpufleet.schema.workloads import SLO
from simulation import cases, multiserver, statistics

LEVELS = (50, 90, 95, 99)
METRICS = ("ttft", "tpot", "itl", "end_to_end")
COUNTS = {"exponential": 50_000, "constant": 16_000}
BATCHED_COUNT = 120_000
PLAIN_COUNT = 100_000
SERVERS = (1, 2, 4, 16, 64)
VARIATIONS = (0.0, 0.5, 1.0, 2.0, 4.0)
SEED = 11


@dataclass(frozen=True)
class Row:
    """One percentile at one operating point; seconds (service times for plain queues)."""

    kind: str
    """What is served, and under which assumption."""
    case: str
    load: float
    metric: str
    level: int
    simulated: statistics.Measured
    formula: float

    @property
    def error(self) -> float:
        """Relative error of the formula; negative = the formula promises too much."""
        return self.formula / self.simulated.value - 1.0

    @property
    def settled(self) -> bool:
        """Is the simulated figure known to within a fifth?"""
        return self.simulated.half_width < 0.2 * self.simulated.value


def language(case: cases.Language, spread: statistics.Spread, load: float, count: int, seed: int = SEED) -> list[Row]:
    """All metrics and levels of one operating point of an engine; `load` of the saturation rate."""
    model = cases.engine_of(case)
    rate = load * float(model.rate(model.most)[0, 0])
    samples = cases.language_samples(cases.coefficients(model, spread), rate, spread, count, seed)
    at = cases.sequences(model, rate)
    rows = []
    for metric in METRICS:
        for level in LEVELS:
            slo = SLO.model_validate({"metric": metric, "percentile": level, "limit_ms": 1.0})
            got = statistics.percentile(samples[metric], level / 100.0)
            rows.append(Row(spread, case.label, load, metric, level, got, float(model.quantile_s(slo, at)[0, 0])))
    return rows


def batched(case: cases.Batched, load: float, count: int, seed: int = SEED) -> list[Row]:
    """All levels of one operating point of a batching server; `load` of its capacity."""
    model = cases.server_of(case)
    rate = load * model.capacity()
    samples = cases.request_samples(model, float(rate[0, 0]), count, seed)
    rows = []
    for level in LEVELS:
        got = statistics.percentile(samples, level / 100.0)
        formula = float(model.latency_s(level / 100.0, rate)[0, 0])
        rows.append(Row("batched", case.label, load, "latency", level, got, formula))
    return rows


def plain(servers: int, cv2: float, load: float, count: int, seed: int = SEED) -> list[Row]:
    """Sojourn (wait + one mean service) of G/G/c, all levels, in service times."""
    waits = statistics.trimmed(multiserver.waits(servers, load, cv2, count, seed))
    rows = []
    for level in LEVELS:
        got = statistics.percentile(1.0 + waits, level / 100.0)
        one = np.array([load])
        wait = queueing.wait_quantile(level / 100.0, one, float(servers), np.ones(1), (1.0 + cv2) / 2.0)
        case = f"{servers} servers, cv^2 {cv2:g}"
        rows.append(Row("plain", case, load, "sojourn", level, got, 1.0 + float(wait[0])))
    return rows


def all_rows() -> list[Row]:
    """The whole grid; some minutes on two cores."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        waiting = [
            pool.submit(language, case, spread, load, COUNTS[spread])
            for case in cases.LANGUAGE
            for spread in ("exponential", "constant")
            for load in cases.LOADS
        ]
        waiting += [pool.submit(batched, case, load, BATCHED_COUNT) for case in cases.BATCHED for load in cases.LOADS]
        waiting += [
            pool.submit(plain, servers, cv2, load, PLAIN_COUNT)
            for servers in SERVERS
            for cv2 in VARIATIONS
            for load in cases.LOADS
        ]
        return [row for done in waiting for row in done.result()]
