"""Read and change a tenant's settings: provider configs, fallback orders and preferences."""
