"""The benchmark suite: generated instances, peers, a runner and what it writes."""
