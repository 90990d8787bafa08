"""Between API Gateway and the services: validation, the caller, errors as problem+json."""
