"""Create process-wide objects once, on first use, even if several threads ask at the same time."""

from collections.abc import Callable
from threading import Lock


class Once[T]:
    """Function that calls `make` once and returns the same object from then on."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        """Return the object; the first thread that asks makes it."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    def cache_clear(self) -> None:
        """Discard the object, so that the next call makes a new one (for tests, and after a restored snapshot)."""
        with self._lock:
            self._made.clear()
