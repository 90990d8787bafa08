"""Translations that keep placeholders and markup unchanged."""
