"""Test how the local stack serves the demo: caching, the content security policy, and what it leaves to the API."""

import base64
import hashlib
from pathlib import Path

import pytest
from werkzeug.test import Client, EnvironBuilder

from local.dev.site import Site

SCRIPT = b"document.title = 'x'"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


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


def test_page_runs_only_its_own_scripts(folder: Path) -> None:
    response = Client(Site(folder)).get("/usage", headers=BROWSER)
    digest = base64.b64encode(hashlib.sha256(SCRIPT).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.mimetype == "text/html"


def test_file_with_a_digest_in_its_name_is_immutable(folder: Path) -> None:
    response = Client(Site(folder)).get("/assets/index-1a2b.js")
    assert response.mimetype == "text/javascript"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/health", "/api/nothing", "/../secret.txt", "/.vite/manifest.json", "/gone.js"])
def test_other_paths_are_left_to_the_api(folder: Path, path: str) -> None:
    assert not has(folder, path)


def test_json_and_post_requests_are_left_to_the_api(folder: Path) -> None:
    assert has(folder, "/usage")
    assert not has(folder, "/usage", accept="application/json")
    assert not has(folder, "/usage", method="POST")


def test_site_without_a_build_has_no_page(tmp_path: Path) -> None:
    assert not has(tmp_path / "missing", "/")
