"""Enforce strict limits: requests per hour, tokens per day and US dollars per month."""
