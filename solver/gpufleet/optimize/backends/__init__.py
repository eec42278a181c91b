"""Solvers behind one interface; the only files that import ortools or pulp."""
