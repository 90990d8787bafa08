"""Alerts: what administrators are told of by mail, and how it gets to them."""
