"""An example: from a request trace to a published procurement plan, as a Dagster pipeline."""
