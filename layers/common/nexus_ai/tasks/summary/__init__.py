"""Summaries with a maximum length."""
