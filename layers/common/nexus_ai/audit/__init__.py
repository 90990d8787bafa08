"""Keep one audit record per request, with its prompt and completion as content."""
