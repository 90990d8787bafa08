"""Work that runs side by side: the calls of the store that one step of a request makes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from nexus_ai.core.once import Once

# Leaves only: what runs here never waits for other work of the pool, so that a full pool delays and cannot lock.
WORKERS = 128


_pool = Once(lambda: ThreadPoolExecutor(WORKERS, thread_name_prefix="parallel"))


def start[T](work: Callable[[], T]) -> Future[T]:
    """Begins `work` in another thread, with the context variables (the request's log keys) of this one."""
    return _pool().submit(copy_context().run, work)
