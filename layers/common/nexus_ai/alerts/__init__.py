"""Alert a tenant's administrators: detect events, store alerts, send e-mails and handle bounces."""
