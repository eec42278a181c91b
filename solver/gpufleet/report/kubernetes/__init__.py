"""Kubernetes manifests of a plan: what to apply after filling in image digests and model paths."""
