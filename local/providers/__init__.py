"""Five simulated providers in one local HTTP server. Their completions are marked as simulated."""
