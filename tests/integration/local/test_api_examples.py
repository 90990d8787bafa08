"""Run the examples of the API pages as they are written; only the URL is the test's own."""

import re
import shutil
import subprocess
from pathlib import Path

from local.stack import LocalStack
from local.template import ROOT
from tests.integration.support.pipeline import set_limits

# In the order in which a reader runs them: the first page sets the URL and the token.
PAGES = ("index", "tasks", "settings", "usage-and-audit")
# Print the status of each call on its own line, in addition to what the example prints.
PRINT_STATUS = """
curl() { command curl -w '%{stderr}%{http_code} %{method} %{url_effective}\\n' "$@"; }
"""


def examples() -> str:
    pages = [(ROOT / "docs" / "api" / f"{page}.md").read_text("utf-8") for page in PAGES]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", "\n".join(pages), re.DOTALL | re.MULTILINE))


def test_every_example_of_the_api_succeeds(stack: LocalStack, tmp_path: Path) -> None:
    script, replaced = re.subn(r"(?m)^API=\S+", f"API={stack.url}", examples())
    assert replaced == 1
    stack.token("acme")
    set_limits("acme")
    bash = shutil.which("bash")
    assert bash

    ended = subprocess.run(
        [bash, "-eu", "-o", "pipefail", "-c", PRINT_STATUS + script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    calls = ended.stderr.splitlines()
    assert ended.returncode == 0, ended.stderr
    assert len(calls) == len(re.findall(r"\bcurl -", script))
    assert [call for call in calls if not re.match(r"20[02] ", call)] == [], ended.stdout
