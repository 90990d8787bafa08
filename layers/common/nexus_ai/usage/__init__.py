"""Roll-ups of what was used, by day, provider, model and module."""
