# /// script
# requires-python = "==3.13.*"
# dependencies = ["checkov==3.3.30"]
# ///
"""Check template.yaml: runs checkov in a separate environment, whose 97 packages `uv lock --script` pins by hash."""

import sys

from checkov.main import Checkov

sys.exit(Checkov(["--config-file", ".ci/checkov.yaml"]).run())
