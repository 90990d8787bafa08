"""What is asked stands in a process of its own: its CPU is not that of who asks."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def apart(work: Callable[[Connection], None]) -> Generator[Any]:
    """The first thing that `work` sends, which goes on until it has received something. `work` is a module's own."""
    processes = get_context("spawn")
    here, there = processes.Pipe()
    process = processes.Process(target=work, args=(there,))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("end")
        process.join()
