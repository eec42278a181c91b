"""gpufleet: decide which accelerators to buy or rent."""

__version__ = "0.1.0"
