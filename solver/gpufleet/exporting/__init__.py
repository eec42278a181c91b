"""The integer program of an instance for other solvers: readable names, LP and MPS text, a plan as a start."""
