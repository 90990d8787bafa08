"""OpenAPI 3.1 description of the API, generated from the code, and a page that shows it."""
