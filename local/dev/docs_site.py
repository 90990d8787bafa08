"""Documentation site that `make docs` builds from docs/ with Zensical."""

from pathlib import Path
from typing import Final

from werkzeug.security import safe_join

from local.template import ROOT

BUILT: Final = ROOT / ".cache" / "docs-site"


def file(path: str, site: Path = BUILT) -> Path | None:
    """Return a file of the site; a directory if its path lacks the final slash; None if there is none."""
    joined = safe_join(str(site), path)
    if joined is None:
        return None
    found = Path(joined)
    if path.endswith("/") or not path:
        found = found / "index.html"
    return found if found.exists() else None
