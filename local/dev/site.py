"""Serve the demo that `make frontend` has built: its files, and its single page for every other path."""

import base64
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from werkzeug.security import safe_join
from werkzeug.wrappers import Request, Response

from local.template import ROOT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BUILT: Final = ROOT / "frontend" / "dist" / "demo"
# The names of these files change with their content.
_ASSETS: Final = "/assets/"
_FOREVER: Final = "public, max-age=31536000, immutable"
_INLINE_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class Site:
    """WSGI application that serves Vite's output in `folder`. `has` decides which requests it serves."""

    def __init__(self, folder: Path = BUILT) -> None:
        self._folder = folder

    def has(self, environ: "WSGIEnvironment") -> bool:
        """Return True if a request is for a file of the demo or opens one of its pages."""
        request = Request(environ)
        if request.method not in {"GET", "HEAD"} or request.path.startswith("/api/"):
            return False
        return self._file(request.path) is not None or (self._opens_page(request) and self._page.is_file())

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = Request(environ).path
        file = self._file(path)
        response = (
            self._html() if file is None else _content(file, _FOREVER if path.startswith(_ASSETS) else "no-cache")
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response(environ, start_response)

    @property
    def _page(self) -> Path:
        return self._folder / "index.html"

    def _file(self, path: str) -> Path | None:
        """Return a file below the folder, except hidden ones and the page, which has separate headers."""
        joined = safe_join(str(self._folder), path.lstrip("/"))
        file = Path(joined) if joined is not None else self._page
        hidden = any(part.startswith(".") for part in path.split("/"))
        return None if hidden or file == self._page or not file.is_file() else file

    def _opens_page(self, request: Request) -> bool:
        """Return True if a browser opens a page. A last part with a dot is the name of a missing file, not a page."""
        return "text/html" in request.headers.get("Accept", "") and "." not in request.path.rsplit("/", 1)[-1]

    def _html(self) -> Response:
        html = self._page.read_bytes()
        response = Response(html, mimetype="text/html")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = _policy(html)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _policy(html: bytes) -> str:
    """Return a Content-Security-Policy that allows the site's own files and the inline scripts of the page."""
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(html)]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'self'; script-src {scripts}; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


def _content(file: Path, cache: str) -> Response:
    mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Response(file.read_bytes(), mimetype=mimetype, headers={"Cache-Control": cache})
