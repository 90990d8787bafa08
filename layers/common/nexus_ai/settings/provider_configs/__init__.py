"""Provider configs: list, save, test and delete them, and list a provider's models."""
