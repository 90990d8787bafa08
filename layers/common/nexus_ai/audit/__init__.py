"""One record a request, whatever its end."""
