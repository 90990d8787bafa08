"""Keep one connection pool per API key, so that an unexpected response can never reach another key's request."""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

MAX_POOLS = 16


class LeasedPool:
    """httpcore pool, and the number of calls that use it."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.users = 0
        self.is_evicted = False


class ConnectionPools:
    """Pools that were used most recently. An evicted pool is closed when no call uses it."""

    def __init__(self, max_pools: int = MAX_POOLS) -> None:
        self._max_pools = max_pools
        self._leased: OrderedDict[Hashable, LeasedPool] = OrderedDict()
        self._lock = Lock()
        # Close the sockets when the process ends.
        weakref.finalize(self, _close_all, self._leased)

    def acquire(self, key: Hashable, make: Callable[[], Any]) -> LeasedPool:
        """Return the pool of that key, which `make` creates if there is none. Every acquired pool must be released."""
        with self._lock:
            leased = self._leased.get(key)
            if leased is None:
                leased = self._leased[key] = LeasedPool(make())
            leased.users += 1
            self._leased.move_to_end(key)
            unused = self._evict(self._max_pools)
        _close(*unused)
        return leased

    def release(self, leased: LeasedPool) -> None:
        """Return a pool after a call, and close it if it was evicted and this was its last call."""
        with self._lock:
            leased.users -= 1
            is_unused = leased.is_evicted and not leased.users
        if is_unused:
            leased.pool.close()

    def close(self) -> None:
        """Close every pool, either now or after the last call that uses it."""
        with self._lock:
            unused = self._evict(0)
        _close(*unused)

    def _evict(self, max_pools: int) -> list[LeasedPool]:
        """Remove the least recently used pools above `max_pools`, and return those of them that no call uses."""
        evicted = [self._leased.popitem(last=False)[1] for _ in range(len(self._leased) - max_pools)]
        for leased in evicted:
            leased.is_evicted = True
        return [leased for leased in evicted if not leased.users]


def _close(*unused: LeasedPool) -> None:
    for leased in unused:
        leased.pool.close()


def _close_all(leased: OrderedDict[Hashable, LeasedPool]) -> None:
    _close(*leased.values())
