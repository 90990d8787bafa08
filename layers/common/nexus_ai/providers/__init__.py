"""Adapt five LLM providers to one interface."""
