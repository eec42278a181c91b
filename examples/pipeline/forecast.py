"""From a request trace to the demand to plan for, with pandas."""

from pathlib import Path

import numpy as np
import pandas as pd

PARTS = {"night": range(7), "morning": range(7, 12), "afternoon": range(12, 19), "evening": range(19, 24)}
"""Hours of the day that are planned together."""
SHORT_TOKENS = 1024
"""Prompt tokens up to which a request belongs to the class `short`."""
PERCENTILE = 0.95
"""Of the same hour on different days: what the fleet must carry."""


def read_trace(path: Path | str) -> pd.DataFrame:
    """The requests, one row each, with their class. Raises ValueError where columns are missing."""
    trace = pd.read_csv(path, comment="#", parse_dates=["TIMESTAMP"])
    missing = {"TIMESTAMP", "ContextTokens", "GeneratedTokens"} - set(trace.columns)
    if missing or trace.empty:
        raise ValueError(f"{path}: a trace has TIMESTAMP, ContextTokens and GeneratedTokens; missing: {missing}")
    trace["class"] = np.where(trace["ContextTokens"] <= SHORT_TOKENS, "short", "long")
    return trace


def growth_per_day(trace: pd.DataFrame) -> float:
    """Relative growth a day: the slope of the logarithm of daily requests, weekends against weekends."""
    daily = trace.groupby(trace["TIMESTAMP"].dt.normalize()).size()
    later, earlier = daily.iloc[7:].to_numpy(), daily.iloc[: len(daily) - 7].to_numpy()
    if not len(later):
        return 0.0
    return float(np.exp(np.mean(np.log(later[: len(earlier)] / earlier[: len(later)])) / 7) - 1)


def forecast(trace: pd.DataFrame, days_ahead: float, sampled: float) -> pd.DataFrame:
    """Requests per second by class and part of the day, `days_ahead` after the end of the trace.

    The busiest hour of each part, at the 95th percentile over days, times the growth; `sampled` is how many requests
    every row stands for.
    """
    hours = trace["TIMESTAMP"].dt.floor("h").rename("hour")
    every = pd.date_range(hours.min(), hours.max(), freq="h", name="hour")
    counts = trace.groupby([hours, "class"]).size().unstack(fill_value=0).reindex(every, fill_value=0)
    rates = counts.groupby(counts.index.hour).quantile(PERCENTILE) * sampled / 3600
    factor = (1 + growth_per_day(trace)) ** days_ahead
    rows = {part: rates.loc[list(inside)].max() * factor for part, inside in PARTS.items()}
    return pd.DataFrame(rows).T.rename_axis(index="part", columns="class")
