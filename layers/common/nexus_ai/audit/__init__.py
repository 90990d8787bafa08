"""Audit records: one for every request, with its prompt and completion as content."""
