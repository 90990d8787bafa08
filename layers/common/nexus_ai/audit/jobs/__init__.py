"""Exports and erasures of audit records, which run as jobs."""
