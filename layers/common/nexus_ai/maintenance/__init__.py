"""What the scheduled function does between the calls."""
