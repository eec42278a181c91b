"""Makes `trace.csv`: `python -m examples.pipeline.make_trace`.

The trace is synthetic and belongs to nobody: two weeks of requests to a chat service, one in five thousand, with a
day, a weekend, growth, and short and long prompts. Its columns are those of the public Azure LLM inference traces, so
that a real one can take its place.
"""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

TRACE = Path(__file__).with_name("trace.csv")
START = datetime(2026, 3, 2)
DAYS, SAMPLED = 14, 5000
MEAN_PER_HOUR = 10.0
"""Requests per hour that are kept, on average over the first week."""
GROWTH_PER_DAY = 0.01
LONG_SHARE = 0.2
HEADER = (
    "# Synthetic, made by examples/pipeline/make_trace.py (Apache-2.0); one request in 5,000 of a service that "
    "does not exist.\nTIMESTAMP,ContextTokens,GeneratedTokens\n"
)


def rows(seed: int = 7) -> list[tuple[datetime, int, int]]:
    """(time, prompt tokens, generated tokens), in order of time."""
    draw = np.random.default_rng(seed)
    found = []
    for hour in range(DAYS * 24):
        at = START + timedelta(hours=hour)
        day = 1 + 0.9 * np.sin((at.hour - 9) / 24 * 2 * np.pi)  # quietest at 3 h, busiest at 15 h
        weekend = 0.6 if at.weekday() >= 5 else 1.0
        mean = MEAN_PER_HOUR * day * weekend * (1 + GROWTH_PER_DAY) ** (hour / 24)
        for second in sorted(draw.uniform(0, 3600, draw.poisson(mean))):
            long = draw.random() < LONG_SHARE
            prompt = draw.normal(5500, 900) if long else draw.lognormal(6.2, 0.5)
            answer = draw.lognormal(4.8, 0.4)
            tokens = int(np.clip(prompt, 16, 7500)), int(np.clip(answer, 8, 512))
            found.append((at + timedelta(seconds=round(second, 3)), *tokens))
    return found


def text() -> str:
    """The whole file."""
    lines = [f"{at.isoformat(sep=' ', timespec='milliseconds')},{prompt},{answer}" for at, prompt, answer in rows()]
    return HEADER + "\n".join(lines) + "\n"


def main() -> None:
    """Write the trace."""
    TRACE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
