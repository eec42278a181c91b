"""Lower bounds by exact integer arithmetic, without a solver: what an engine states and anyone can check."""
