"""What if: sweeps over budget caps, the price of requirements, the value of measures."""
