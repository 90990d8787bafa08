# /// script
# requires-python = "==3.13.*"
# dependencies = ["checkov==3.3.30"]
# ///
"""checkov over template.yaml, in an environment of its own: `uv lock --script` pins its 97 packages by hashes."""

import sys

from checkov.main import Checkov

sys.exit(Checkov(["--config-file", ".ci/checkov.yaml"]).run())
