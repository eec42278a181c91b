"""Small questions for sweeps, as files."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from builders import instance, offer, option, profiled
from gpufleet.library import write_instance

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.instance import Instance


def written(folder: Path, question: Instance) -> Path:
    """The question as a file."""
    path = folder / "question.yaml"
    write_instance(question, path)
    return path


def many_hours(seed: int, hours: int = 9, names: str = "ab", **changes: Any) -> Instance:
    """Workloads over single hours of random demand, on nodes that are rented by the hour or for good."""
    random_ = random.Random(seed)
    periods = tuple({"name": f"h{hour}", "hours": 1.0} for hour in range(hours))
    workloads = [
        profiled(
            [option("s", "n1", rates={"all": 1.0}), option("l", "n4", 2, rates={"all": 2.5})],
            float(random_.randint(1, 3)),
            name=name,
            demand_factors={f"h{hour}": round(random_.choice((0.0, 0.3, 0.5, 0.9, 1.0)), 2) for hour in range(hours)},
            **({"redundancy": {"spare_nodes": 1}} if random_.random() < 0.4 else {}),
        )
        for name in names
    ]
    offers = [
        offer("n1-rent", "n1", random_.choice((0.8, 1.0, 1.3))),
        offer("n1-kept", "n1", 0.6, term="reserved_1y", stock=random_.randint(1, 4)),
        offer("n4-rent", "n4", random_.choice((2.5, 3.0, 3.5))),
        offer("n4-kept", "n4", 1.7, term="reserved_1y"),
    ]
    return instance(workloads, offers, horizon_hours=float(hours), periods=periods, **changes)
