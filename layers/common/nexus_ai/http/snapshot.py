"""Prepare functions for Lambda SnapStart: what to load before the snapshot, and what each copy renews.

The snapshot holds what is the same in all copies: imports, price lists, and HTTP clients with their TLS contexts. It
holds no credential, connection, thread or stored data; AWS clients read credentials when they are created, so they are
created with the first request. Random ids come from the operating system.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

import os
import random
from importlib import import_module

from nexus_ai.aws import clients
from nexus_ai.net import tls
from nexus_ai.providers import price_lists
from nexus_ai.providers.base import ProviderName
from nexus_ai.providers.registry import get_provider


def register() -> None:
    """Register the hooks if Lambda is about to make a snapshot of this process."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    # Part of Lambda's runtime. It is installed only if the function uses snapshots.
    import snapshot_restore_py as hooks  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    hooks.register_before_snapshot(prepare)
    hooks.register_after_restore(refresh)


def prepare() -> None:
    """Load everything that all copies share. Lambda calls it before the snapshot."""
    clients.load()
    tls.provider_context()
    # The codec that encodes host names.
    import_module("encodings.idna")
    price_lists.load()
    for name in ProviderName:
        get_provider(name)


def refresh() -> None:
    """Seed Python's generator again. Libraries use it for retry pauses, and all copies share its state."""
    random.seed()
