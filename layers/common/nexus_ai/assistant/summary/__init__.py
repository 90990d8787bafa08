"""Summaries within a number of characters."""
