"""Lambda SnapStart: what is there before a function's snapshot is taken, and what each copy of it makes for itself.

Into the snapshot goes what is the same in all copies: imports, price lists, HTTP clients with their TLS contexts. No
credential, no connection and no thread does: clients of AWS, which read credentials when they are made, come with the
first request, and so does all that is read from a store. Random ids are drawn from the system's own source.
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
    """Has Lambda call both, where it makes a snapshot of this process."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    # Of Lambda's own runtime: it is there where there are snapshots, and nowhere else.
    import snapshot_restore_py as hooks  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    hooks.register_before_snapshot(prepare)
    hooks.register_after_restore(refresh)


def prepare() -> None:
    clients.load()
    tls.provider_context()
    # In which the name of a connection's host is encoded.
    import_module("encodings.idna")
    price_lists.load()
    for name in ProviderName:
        get_provider(name)


def refresh() -> None:
    """Libraries draw their pauses from Python's generator, whose state the snapshot holds."""
    random.seed()
