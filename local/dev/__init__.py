"""Tools of the local stack: demo tenant, token issuer, demo site, routes and models."""
