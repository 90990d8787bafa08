"""List the licences of all shipped packages: those of the layer and of the frontend's bundle.

    python -m ops.licences

Prints a table. The licence comes from the package's own metadata. Every licence must be in ALLOWED.
"""

import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from ops.bundled import LIBRARIES

ROOT = Path(__file__).parents[1]
# SPDX names. Weak copyleft is permitted, because its files are used unchanged and a service does not distribute them.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-2.1-or-later",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "curl",
    }
)
# SPDX names for the spellings in packages without an SPDX expression.
_SPELLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-2-Clause",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",
    "LGPL": "LGPL-2.1-or-later",
}
_REQUIRED = re.compile(r"(?m)^([A-Za-z0-9_.-]+)==([^\s;]+)([^\\\n]*)")


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    licence: str
    part: str

    @property
    def allowed(self) -> bool:
        """Return True if all licences are allowed. If the package offers a choice, one allowed choice is enough."""
        choices = (choice.strip("() ") for choice in self.licence.split(" OR "))
        return any(all(each in ALLOWED for each in choice.split(" AND ")) for choice in choices)


def shipped() -> list[Package]:
    """Return the packages of the layer, the libraries in pycurl's wheel and the packages of the frontend.

    Raises:
        PackageNotFoundError: A package of the layer is not installed.
    """
    inside = [Package(each.name, each.version, each.licence, "layer, inside pycurl") for each in LIBRARIES]
    return [*layer(), *inside, *bundle()]


def layer() -> list[Package]:
    requirements = (ROOT / "layers" / "common" / "requirements.txt").read_text()
    found: list[Package] = []
    for name, version, marker in _REQUIRED.findall(requirements):
        try:
            fields = metadata(name)
        except PackageNotFoundError:
            # The package is for another operating system: it is listed, but not part of the layer.
            if "sys_platform" in marker:
                continue
            raise
        licence = fields.get("License-Expression") or fields.get("License") or ""
        found.append(Package(name, version, _SPELLED.get(licence, licence), "layer"))
    return found


def bundle() -> list[Package]:
    lock: dict[str, dict[str, Any]] = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    return [
        Package(path.rpartition("node_modules/")[2], entry["version"], entry.get("license", ""), "frontend")
        for path, entry in lock.items()
        if path and not entry.get("dev")
    ]


def main() -> None:
    print("| part | package | version | licence |\n|---|---|---|---|")
    for each in shipped():
        print(f"| {each.part} | {each.name} | {each.version} | {each.licence or '?'} |")


if __name__ == "__main__":
    main()
