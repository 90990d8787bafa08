"""Where HTTP ends: events of API Gateway become callers and models, models and errors become answers."""
