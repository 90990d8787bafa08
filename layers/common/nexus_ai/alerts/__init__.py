"""Alerts to a tenant's administrators: detection, storage, dispatch by e-mail and bounces."""
