"""What a company's administrators see and change of their own: provider keys, limits, the audit."""
