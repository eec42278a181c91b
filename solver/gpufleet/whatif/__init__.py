"""What if: edits of an instance, sweeps over budget caps, and the price of requirements."""
