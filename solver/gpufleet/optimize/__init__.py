"""Formulation, solver back ends, and the engine that chooses and runs them."""
