"""What texts of customers feel about what."""
