"""Settings of a tenant: provider configs, fallback orders and preferences."""
