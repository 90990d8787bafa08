"""Emulation of the parts of API Gateway and Lambda that template.yaml uses."""
