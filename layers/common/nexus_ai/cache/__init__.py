"""Response cache and idempotency records of a tenant."""
