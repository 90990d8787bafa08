"""List, save, test and delete provider configs, and list a provider's models."""
