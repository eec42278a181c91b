"""What if: edits of an instance, and sweeps over budget caps."""
