"""Five simulated providers in one local HTTP server. Their completions say that they are simulated."""
