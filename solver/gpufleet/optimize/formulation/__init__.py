"""The integer program, solver-neutral: one file per constraint family, no solver import."""
