"""The engine for routed services: capacity cuts, options ruled out by prices, branch and bound on what is left."""
