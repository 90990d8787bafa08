"""Unit tests speak to nobody."""

import pytest


@pytest.fixture(autouse=True)
def no_sockets(socket_disabled: None) -> None:
    """pytest-socket raises SocketBlockedError where a test opens one."""
