"""Stress tests: how a fleet that is bought holds up when estimates are off, demand grows and nodes fail.

Like the verifier, whose view of plans it uses, it shares nothing with the optimiser.
"""
