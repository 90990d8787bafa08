"""What one exchange of HTTP takes by itself, through the clients that there are, and four of one step side by side.

    PYTHONPATH=layers/common python -m bench.exchange

A request as DynamoDB gets it goes to a server in a process of its own, whose answer is always the same and comes at
once. CPU is that of the client's process alone, all its threads. Prints a table of docs/benchmarks.md.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from http.client import HTTPConnection
from multiprocessing.connection import Connection

import httpx2
import urllib3

from bench.apart import apart
from nexus_ai.core import parallel
from nexus_ai.storage.connections import Connections, Request

CALLS, WARM_UP, SIDE_BY_SIDE = 2_000, 100, 4
BODY = b'{"TableName":"' + b"x" * 900 + b'"}'
HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.UpdateItem",
    "x-amz-date": "20261130T020000Z",
    "x-amz-security-token": "x" * 900,
    "authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20261130/sa-east-1/dynamodb/aws4_request, Signature={'a' * 64}",
}
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Mon, 30 Nov 2026 02:00:00 GMT\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 150\r\nConnection: keep-alive\r\n"
    b"x-amzn-RequestId: ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOP\r\n\r\n" + b"x" * 150
)


class Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if len(self._asked.partition(b"\r\n\r\n")[2]) == len(BODY):
            self._asked = b""
            self._transport.write(ANSWER)


async def serve(pipe: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(pipe.recv)


def served(pipe: Connection) -> None:
    asyncio.run(serve(pipe))


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Microseconds of CPU, and of time."""
    for _ in range(WARM_UP):
        work()
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(CALLS):
        work()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return cpu / CALLS * 1e6, took / CALLS * 1e6


def main() -> None:
    with apart(served) as port:
        url = f"http://127.0.0.1:{port}"
        ours = Connections(url, connect_timeout_s=1, read_timeout_s=2)
        request = Request("UpdateItem", url, HEADERS | {"host": f"127.0.0.1:{port}"}, BODY)
        pool = urllib3.PoolManager(maxsize=SIDE_BY_SIDE).connection_from_url(url)

        def library() -> bytes:
            connection.request("POST", "/", BODY, HEADERS)
            return connection.getresponse().read()

        def in_threads() -> None:
            running = [threads.submit(copy_context().run, ours, request) for _ in range(SIDE_BY_SIDE)]
            for each in running:
                each.result()

        with (
            closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection,
            httpx2.Client(trust_env=False) as client,
            ThreadPoolExecutor(SIDE_BY_SIDE) as threads,
        ):
            ways: dict[str, Callable[[], object]] = {
                "httpx2, over httpcore2 and h11": lambda: client.post(url, content=BODY, headers=HEADERS),
                "urllib3": lambda: pool.urlopen("POST", "/", body=BODY, headers=HEADERS, retries=False),
                "http.client": library,
                "core/http1.py": lambda: ours(request),
                "four of the last, in threads": in_threads,
                "four, by core/parallel.py": lambda: parallel.results([lambda: ours(request)] * SIDE_BY_SIDE),
            }
            print("| through | CPU us | us |\n|---|---|---|")
            for name, work in ways.items():
                print("| {} | {:.0f} | {:.0f} |".format(name, *measured(work)), flush=True)


if __name__ == "__main__":
    main()
