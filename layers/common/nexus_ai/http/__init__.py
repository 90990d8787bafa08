"""Connect API Gateway to the application: events become callers and models, results become responses."""
