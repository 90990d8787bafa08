"""Five vendors in one local HTTP server that speaks their wire formats and says in its answers that it is simulated."""
