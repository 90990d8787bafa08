"""Answers kept per tenant, and the records of Idempotency-Keys."""
