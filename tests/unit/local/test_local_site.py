"""The demo as the local stack serves it: what a browser may keep, what it may run, and what is left to the API."""

import base64
import hashlib
from pathlib import Path

import pytest
from werkzeug.test import Client, EnvironBuilder

from local.dev.site import Site

SCRIPT = b"document.title = 'x'"
PERSON = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "demo"
    (built / "assets").mkdir(parents=True)
    (built / ".vite").mkdir()
    (built / "index.html").write_bytes(b"<!doctype html><script>" + SCRIPT + b"</script>")
    (built / "assets" / "index-1a2b.js").write_text("export {}")
    (built / ".vite" / "manifest.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("not of the site")
    return built


def has(folder: Path, path: str, method: str = "GET", accept: str = "text/html") -> bool:
    return Site(folder).has(EnvironBuilder(path=path, method=method, headers=[("Accept", accept)]).get_environ())


def test_the_page_may_run_its_own_inline_script_and_files_and_nothing_else(folder: Path) -> None:
    answer = Client(Site(folder)).get("/usage", headers=PERSON)
    digest = base64.b64encode(hashlib.sha256(SCRIPT).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.mimetype == "text/html"


def test_a_file_whose_name_holds_its_digest_is_kept_forever(folder: Path) -> None:
    answer = Client(Site(folder)).get("/assets/index-1a2b.js")
    assert answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/health", "/api/nothing", "/../secret.txt", "/.vite/manifest.json", "/gone.js"])
def test_what_is_no_page_and_no_file_of_the_site_is_the_apis_to_answer(folder: Path, path: str) -> None:
    assert not has(folder, path)


def test_programs_and_changes_are_the_apis_to_answer(folder: Path) -> None:
    assert has(folder, "/usage")
    assert not has(folder, "/usage", accept="application/json")
    assert not has(folder, "/usage", method="POST")


def test_without_a_build_nothing_is_the_sites(tmp_path: Path) -> None:
    assert not has(tmp_path / "missing", "/")
