"""Roll up usage by day, provider, model and module, and report it."""
