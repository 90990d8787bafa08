"""Smoke test of a deployment, run from outside with an administrator's token: `make smoke ENV=dev`.

It checks that each task reaches a provider, the cache returns hits, limits hold, e-mails are sent, and usage and audit
records agree. At the end it restores the tenant's settings, even if a check fails or the run is interrupted.
"""
