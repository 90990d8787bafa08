# /// script
# requires-python = "==3.13.*"
# dependencies = ["pip-audit==2.10.0"]
# ///
"""Check the packages of a requirements file for known vulnerabilities: runs pip-audit in a separate environment."""

from pip_audit._cli import audit

audit()
