"""One file a vendor: how it reads a request, and how it words an answer and an error."""
