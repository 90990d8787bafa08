"""The laptop stack: everything that a person needs to try the service without an AWS account or a provider's key."""
