"""From a forecast to the question: an instance built in code, without a file."""

import math

import pandas as pd
from examples.pipeline.forecast import PARTS

import gpufleet

HORIZON_DAYS = 90


def classes_of(trace: pd.DataFrame, demand: pd.DataFrame) -> list[dict[str, object]]:
    """Request classes with the mean sizes of the trace and the rates of the busiest part of the day."""
    sizes = trace.groupby("class")[["ContextTokens", "GeneratedTokens"]].mean()
    return [
        {
            "name": name,
            "input_tokens": math.ceil(size["ContextTokens"]),
            "output_tokens": math.ceil(size["GeneratedTokens"]),
            "requests_per_s": round(float(demand[name].max()), 6),
        }
        for name, size in sizes.iterrows()
    ]


def periods_of(demand: pd.DataFrame) -> list[dict[str, object]]:
    """Parts of the day with the highest share of any class that falls into them."""
    shares = (demand / demand.max()).max(axis=1)
    return [
        {"name": part, "hours": float(len(PARTS[part]) * HORIZON_DAYS), "demand_factor": round(float(share), 6)}
        for part, share in shares.items()
    ]


def question(trace: pd.DataFrame, demand: pd.DataFrame) -> gpufleet.Instance:
    """The procurement question. Raises gpufleet.InputError with the paths of all fields that are wrong."""
    return gpufleet.make_instance(
        {
            "schema_version": 1,
            "uid": "pipeline-chat",
            "title": "A chat service, sized from its own trace",
            "note": "Prices are assumed; the demand is forecast from a synthetic trace.",
            "horizon_days": HORIZON_DAYS,
            "sites": [
                {"name": "own-hall", "kind": "private_cloud", "country": "SG", "provider": "own-datacentre"},
                {"name": "burst", "kind": "public_cloud", "country": "SG", "provider": "rented-cloud"},
            ],
            "offers": [
                _offer("own-t4", "own-hall", "t4-1x-1u", "reserved_1y", 0.55),
                _offer("own-a30", "own-hall", "a30-4x-2u", "reserved_1y", 3.60),
                _offer("own-l40s", "own-hall", "l40s-4x-2u", "reserved_1y", 6.40),
                _offer("burst-t4", "burst", "t4-1x-1u", "on_demand", 0.95),
            ],
            "workloads": [
                {
                    "name": "chat",
                    "kind": "llm_serving",
                    "model": "bloomz-560m-8k",
                    "classes": classes_of(trace, demand),
                    "slo": [{"metric": "end_to_end", "percentile": 95, "limit_ms": 3000}],
                    "accuracy": [{"metric": "term_accuracy", "at_least": 0.985}],
                }
            ],
            "periods": periods_of(demand),
        }
    )


def _offer(name: str, site: str, node_type: str, term: str, usd_per_hour: float) -> dict[str, object]:
    return {
        "name": name,
        "site": site,
        "node_type": node_type,
        "term": term,
        "usd_per_hour": usd_per_hour,
        "stock": 16,
        "assumed": True,
        "source": "Assumed",
    }
