"""Prompting and output reading that several tasks share."""
