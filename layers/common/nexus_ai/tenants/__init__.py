"""What a tenant configures: provider keys, order of fallback, preferences."""
