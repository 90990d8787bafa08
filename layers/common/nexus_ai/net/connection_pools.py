"""Connection pools by API key, so that a response that nobody asked for can never reach another key."""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

MAX_POOLS = 16


class LeasedPool:
    """A pool of httpcore's, and how many calls use it."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.users = 0
        self.is_evicted = False


class ConnectionPools:
    """The pools that were used last. One that is evicted is closed once no call uses it any more."""

    def __init__(self, max_pools: int = MAX_POOLS) -> None:
        self._max_pools = max_pools
        self._leased: OrderedDict[Hashable, LeasedPool] = OrderedDict()
        self._lock = Lock()
        # A process that ends leaves no socket open.
        weakref.finalize(self, _close_all, self._leased)

    def acquire(self, key: Hashable, make: Callable[[], Any]) -> LeasedPool:
        """Return the pool of that key, which is made if there is none. Every acquired pool has to be released."""
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
        with self._lock:
            leased.users -= 1
            is_over = leased.is_evicted and not leased.users
        if is_over:
            leased.pool.close()

    def close(self) -> None:
        """Close every pool: now if no call uses it, else with its last call."""
        with self._lock:
            unused = self._evict(0)
        _close(*unused)

    def _evict(self, kept: int) -> list[LeasedPool]:
        """Forget the pools that were used least recently, and return those of them that no call uses."""
        evicted = [self._leased.popitem(last=False)[1] for _ in range(len(self._leased) - kept)]
        for leased in evicted:
            leased.is_evicted = True
        return [leased for leased in evicted if not leased.users]


def _close(*unused: LeasedPool) -> None:
    for leased in unused:
        leased.pool.close()


def _close_all(leased: OrderedDict[Hashable, LeasedPool]) -> None:
    _close(*leased.values())
