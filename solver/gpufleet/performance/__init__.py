"""Performance: pure functions from (workload, model, machine, parallelism) to memory, rates and latencies.

`estimate.estimate` is the entry; `docs/performance-model.md` states every formula, assumption and source.
Nothing here reads a file, logs, or knows a price.
"""
