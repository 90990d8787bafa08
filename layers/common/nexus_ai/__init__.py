"""Nexus AI: the shared code of every function, carried by one Lambda layer."""

import gc
import os

__version__ = "0.1.0"

# pydantic has no plugin here, and looks for one among all packages before its first model is made: 10 ms of each start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# A start makes some 60,000 objects that stay. To look through them for cycles again and again took a twentieth of it.
gc.set_threshold(100_000)
