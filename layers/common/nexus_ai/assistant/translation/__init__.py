"""Translations that keep what is not language."""
