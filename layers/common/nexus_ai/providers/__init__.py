"""Adapters of five LLM providers behind one interface."""
