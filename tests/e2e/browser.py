"""Start the browser for the tests: the machine's own Chromium, which `make browser` installs."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """No Chromium is installed; a test that needs it fails with this message."""


@contextmanager
def browser() -> Generator[Browser]:
    """Start a headless Chromium.

    Raises:
        NoBrowser: If none is installed.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise NoBrowser(f"none of {', '.join(NAMES)} is on the PATH: `make browser` installs Chromium on Debian")
    with sync_playwright() as playwright:
        # Containers have no user namespaces for its sandbox, and it only shows our own pages.
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()
