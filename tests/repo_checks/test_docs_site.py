"""The documentation site builds, and every page is in its navigation."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, cast

from local.dev import docs_site
from local.template import ROOT


def pages(nav: list[dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    for entry in nav:
        for target in entry.values():
            found |= pages(cast("list[dict[str, Any]]", target)) if isinstance(target, list) else {str(target)}
    return found


def test_site_builds_without_broken_links(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [str(Path(sys.executable).parent / "zensical"), "build", "--strict"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    site = tmp_path / ".cache" / "docs-site"
    assert docs_site.file("", site) == site / "index.html"
    assert docs_site.file("api/tasks/", site) == site / "api" / "tasks" / "index.html"
    assert docs_site.file("api/tasks", site) == site / "api" / "tasks"
    assert docs_site.file("../zensical.toml", site) is None
    assert docs_site.file("missing/", site) is None


def test_every_page_is_in_the_navigation() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    written = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert pages(nav) == {page for page in written if not page.startswith("decisions/0")}


def test_index_of_decisions_lists_every_decision() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "index.md").read_text("utf-8")))
    assert listed == {path.name for path in folder.glob("0*.md")}
