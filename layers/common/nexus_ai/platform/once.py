"""Things that are made once a process, on first use, whichever thread comes first."""

from collections.abc import Callable
from threading import Lock


class Once[T]:
    """Calls `make` at the first call and hands out the same object ever after."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    def cache_clear(self) -> None:
        """Forgets the object, so that the next call makes another (for tests, and after a restored snapshot)."""
        with self._lock:
            self._made.clear()
