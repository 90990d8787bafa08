"""Block sockets in unit tests."""

import pytest


@pytest.fixture(autouse=True)
def no_sockets(socket_disabled: None) -> None:
    """Make pytest-socket raise SocketBlockedError if a test opens a socket."""
