"""The API's description, made of the code: OpenAPI 3.1, and a page to read it."""
