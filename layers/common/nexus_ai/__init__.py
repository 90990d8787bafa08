"""Nexus AI: the shared code of every function, carried by one Lambda layer."""

__version__ = "0.1.0"
