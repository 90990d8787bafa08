"""Usage roll-ups by day, provider, model and module."""
