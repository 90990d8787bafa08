"""AI tasks of the CRM: each builds a model call and checks the completion."""
