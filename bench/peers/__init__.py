"""Other gateways beside this service, in one run."""
