"""The place of the column-generation engine: pricing, master, bound."""
