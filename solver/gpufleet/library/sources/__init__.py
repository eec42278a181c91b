"""Other performance models, asked for operating points where nothing was measured."""
