"""Test which connection pools are kept, and when an evicted pool is closed."""

from concurrent.futures import ThreadPoolExecutor

from nexus_ai.net.connection_pools import ConnectionPools


class Pool:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_each_key_has_its_own_pool() -> None:
    pools = ConnectionPools()

    one, again, other = (pools.acquire(key, Pool) for key in ("a", "a", "b"))

    assert one.pool is again.pool
    assert one.pool is not other.pool


def test_least_recently_used_pool_is_evicted_and_closed() -> None:
    pools = ConnectionPools(max_pools=2)
    used_pools: dict[str, Pool] = {}
    for key in ("a", "b", "a", "c"):
        leased = pools.acquire(key, Pool)
        used_pools[key] = leased.pool
        pools.release(leased)

    assert {key: pool.closed for key, pool in used_pools.items()} == {"a": 0, "b": 1, "c": 0}
    assert pools.acquire("a", Pool).pool is used_pools["a"]
    assert pools.acquire("b", Pool).pool is not used_pools["b"]


def test_evicted_pool_is_closed_with_its_last_call() -> None:
    pools = ConnectionPools(max_pools=1)
    first, second = pools.acquire("a", Pool), pools.acquire("a", Pool)
    pools.acquire("b", Pool)
    assert first.pool.closed == 0

    pools.release(first)
    assert first.pool.closed == 0
    pools.release(second)
    assert first.pool.closed == 1


def test_key_of_an_evicted_pool_in_use_gets_a_new_pool() -> None:
    pools = ConnectionPools(max_pools=1)
    old = pools.acquire("a", Pool)
    pools.acquire("b", Pool)

    new = pools.acquire("a", Pool)
    pools.release(old)

    assert new.pool is not old.pool
    assert (old.pool.closed, new.pool.closed) == (1, 0)


def test_close_waits_for_the_last_call_of_a_used_pool() -> None:
    pools = ConnectionPools()
    unused, used = pools.acquire("a", Pool), pools.acquire("b", Pool)
    pools.release(unused)

    pools.close()
    assert (unused.pool.closed, used.pool.closed) == (1, 0)
    pools.release(used)
    assert used.pool.closed == 1


def test_pool_in_use_is_not_closed() -> None:
    pools = ConnectionPools(max_pools=3)

    def use(number: int) -> Pool:
        leased = pools.acquire(number % 7, Pool)
        assert leased.pool.closed == 0
        pools.release(leased)
        pool: Pool = leased.pool
        return pool

    with ThreadPoolExecutor(8) as threads:
        used = set(threads.map(use, range(2000)))
    pools.close()

    assert {pool.closed for pool in used} == {1}
