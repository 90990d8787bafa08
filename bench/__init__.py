"""Benchmarks of this service, each reproducible on one machine."""
