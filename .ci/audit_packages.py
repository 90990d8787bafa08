# /// script
# requires-python = "==3.13.*"
# dependencies = ["pip-audit==2.10.0"]
# ///
"""pip-audit, in an environment of its own: what is known against the packages that a requirements file names."""

from pip_audit._cli import audit

audit()
