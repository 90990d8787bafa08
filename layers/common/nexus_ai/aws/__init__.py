"""Call AWS services: one module per service. No other package calls AWS."""
