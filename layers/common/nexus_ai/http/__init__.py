"""HTTP for Lambda: turns API Gateway events into callers and models, and models and errors into responses."""
