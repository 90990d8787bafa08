"""Emulation of API Gateway and Lambda, as far as template.yaml uses them."""
