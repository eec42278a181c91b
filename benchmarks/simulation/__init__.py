"""Discrete-event simulations (SimPy) against which the queueing formulas of `gpufleet.performance` are measured.

The service times are those of the model, so that only the queueing is tested, not the hardware.
"""
