"""The browser that the tests look through: the machine's own Chromium, which `make browser` installs."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """There is none, and a test that needs one fails with these words."""


@contextmanager
def browser() -> Generator[Browser]:
    """A headless Chromium; raises NoBrowser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoBrowser(f"none of {', '.join(NAMES)} is on the PATH: `make browser` installs Chromium on Debian")
    with sync_playwright() as playwright:
        # Containers have no user namespaces for its sandbox, and what it shows is ours alone.
        shown = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield shown
        finally:
            shown.close()
