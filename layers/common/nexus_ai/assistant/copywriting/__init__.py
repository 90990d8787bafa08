"""Marketing copy."""
