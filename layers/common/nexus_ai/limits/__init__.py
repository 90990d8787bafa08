"""Strict limits: requests an hour, tokens a day, dollars a month."""
