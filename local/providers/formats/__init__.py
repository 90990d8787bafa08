"""Wire formats: one module per provider, which reads requests and writes responses and errors."""
