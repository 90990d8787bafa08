"""Run a server in a separate process, so that its CPU time is not counted for the client."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def separate_process(work: Callable[[Connection], None]) -> Generator[Any]:
    """Run `work` in another process and yield the first value that it sends.

    `work` ends when it receives a value. It must be a module-level function, because the process is spawned.
    """
    processes = get_context("spawn")
    parent_end, child_end = processes.Pipe()
    process = processes.Process(target=work, args=(child_end,))
    process.start()
    try:
        yield parent_end.recv()
    finally:
        parent_end.send("end")
        process.join()
