"""List the libraries inside pycurl's wheel, which the layer ships but no lock file names and `make audit` skips.

    python -m ops.bundled

Prints them as CycloneDX. The versions come from libcurl; libraries that it does not name have no version.
"""

import json
from dataclasses import dataclass
from importlib.metadata import PackagePath, distribution
from typing import Any

import pycurl

# The folder in which auditwheel stores the libraries.
FOLDER = "pycurl.libs"


@dataclass(frozen=True, slots=True)
class Library:
    """Bundled library.

    Attributes:
        name: Name of the project.
        licence: SPDX expression of its licence.
        files: Prefixes of its file names.
        known_as: Name that libcurl uses in its version text; empty if it is not listed there.
    """

    name: str
    licence: str
    files: tuple[str, ...]
    known_as: str = ""

    @property
    def version(self) -> str:
        """Return the version that libcurl reports; empty if it reports none."""
        return dict(part.split("/", 1) for part in pycurl.version.split()).get(self.known_as, "")


LIBRARIES = (
    Library("brotli", "MIT", ("libbrotlicommon-", "libbrotlidec-"), "brotli"),
    Library("curl", "curl", ("libcurl-",), "libcurl"),
    Library(
        "krb5",
        "MIT",
        ("libcom_err-", "libgssapi_krb5-", "libk5crypto-", "libkrb5-", "libkrb5support-"),
        "mit-krb5",
    ),
    Library("libidn2", "LGPL-3.0-or-later OR GPL-2.0-or-later", ("libidn2-",)),
    Library("libpsl", "MIT", ("libpsl-",), "libpsl"),
    Library("libssh2", "BSD-3-Clause", ("libssh2-",), "libssh2"),
    Library("libunistring", "LGPL-3.0-or-later OR GPL-2.0-or-later", ("libunistring-",)),
    Library("nghttp2", "MIT", ("libnghttp2-",), "nghttp2"),
    Library("nghttp3", "MIT", ("libnghttp3-",), "nghttp3"),
    Library("ngtcp2", "MIT", ("libngtcp2-", "libngtcp2_crypto_ossl-"), "ngtcp2"),
    Library("openssl", "Apache-2.0", ("libcrypto-", "libssl-"), "OpenSSL"),
    Library("sfparse", "MIT", ("libsfparse-",)),
)


def files() -> list[PackagePath]:
    """Return the files of pycurl's wheel that are bundled libraries."""
    return [file for file in distribution("pycurl").files or () if file.parts[0] == FOLDER]


def cyclonedx() -> dict[str, Any]:
    names = [file.name for file in files()]
    components: list[dict[str, Any]] = []
    for library in LIBRARIES:
        found = [name for name in names if name.startswith(library.files)]
        components.append(
            {
                "type": "library",
                "name": library.name,
                "version": library.version,
                "licenses": [{"expression": library.licence}],
                "purl": f"pkg:generic/{library.name}@{library.version}".removesuffix("@"),
                "properties": [{"name": "file", "value": f"{FOLDER}/{name}"} for name in found],
            }
        )
    wheel = {"type": "library", "name": "pycurl", "version": distribution("pycurl").version}
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"component": wheel}, "components": components}


if __name__ == "__main__":
    print(json.dumps(cyclonedx(), indent=2))
