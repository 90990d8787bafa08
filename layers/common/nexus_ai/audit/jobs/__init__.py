"""Run exports and erasures of audit records as jobs."""
