"""The licences of what is shipped: the layer's packages and those of the frontend's bundle.

    python -m ops.licences

Prints a table. What a package says of itself counts; no licence but those in ALLOWED may be among them.
"""

import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from ops.bundled import LIBRARIES

ROOT = Path(__file__).parents[1]
# By their SPDX names. Weak copyleft holds for files that are passed on unchanged, or not at all, as a service's are.
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
# What packages without an SPDX expression call theirs.
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
        """Whether all of its licences are allowed, or one where it leaves the choice."""
        choices = (choice.strip("() ") for choice in self.licence.split(" OR "))
        return any(all(each in ALLOWED for each in choice.split(" AND ")) for choice in choices)


def shipped() -> list[Package]:
    """Return the layer's packages, what pycurl's wheel brings, and the frontend's, each in the order of their names.

    Raises:
        PackageNotFoundError: One of the layer's is not installed.
    """
    inside = [Package(each.name, each.version, each.licence, "layer, inside pycurl") for each in LIBRARIES]
    return [*layer(), *inside, *bundle()]


def layer() -> list[Package]:
    requirements = (ROOT / "layers" / "common" / "requirements.txt").read_text()
    found: list[Package] = []
    for name, version, marker in _REQUIRED.findall(requirements):
        try:
            told = metadata(name)
        except PackageNotFoundError:
            # Of another system: it is in the list, and not in the layer.
            if "sys_platform" in marker:
                continue
            raise
        said = told.get("License-Expression") or told.get("License") or ""
        found.append(Package(name, version, _SPELLED.get(said, said), "layer"))
    return found


def bundle() -> list[Package]:
    lock: dict[str, dict[str, Any]] = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    return [
        Package(path.rpartition("node_modules/")[2], told["version"], told.get("license", ""), "frontend")
        for path, told in lock.items()
        if path and not told.get("dev")
    ]


def main() -> None:
    print("| part | package | version | licence |\n|---|---|---|---|")
    for each in shipped():
        print(f"| {each.part} | {each.name} | {each.version} | {each.licence or '?'} |")


if __name__ == "__main__":
    main()
