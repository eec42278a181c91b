"""A plan as tidy tables: one row per fact, units in the column names, each column described."""
