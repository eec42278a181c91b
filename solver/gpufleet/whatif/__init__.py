"""What if: edits of an instance, sweeps over budget caps, the price of requirements, the value of measures."""
