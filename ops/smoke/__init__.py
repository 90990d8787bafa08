"""A smoke test of a deployment, run from outside with an administrator's token: `make smoke ENV=dev`.

It checks what a deployment needs to be useful: each task reaches a provider, the cache saves money, limits hold, mails
go out, and usage and audit agree. It puts the tenant's settings back, whatever happens in between.
"""
