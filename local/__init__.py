"""Local stack: the whole service on a laptop, without an AWS account or a provider key."""
