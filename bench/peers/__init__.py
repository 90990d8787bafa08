"""Comparison of this service with other gateways in one run."""
