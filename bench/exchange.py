"""Measure the CPU of a single HTTP exchange, plain and over TLS, on a kept and on a new connection.

    PYTHONPATH=layers/common python -m bench.exchange

A typical DynamoDB request goes to a server in a separate process, which always returns the same response at once. Four
concurrent exchanges, as in one step of the pipeline, are measured as well. CPU is that of the client's process, all
threads included. A new connection belongs to a new client; libcurl then reads certifi's authorities, and the other
clients share a context that has read them. Prints a table of docs/benchmarks.md.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Protocol

import certifi
import httpx2
import urllib3

from bench.apart import separate_process
from nexus_ai.net.aws_transport import AwsTransport, Request
from nexus_ai.net.concurrency import run_all
from tests.integration.support.certificates import certified, server_context

ROUNDS, KEPT, NEW, WARM_UP, SIDE_BY_SIDE = 3, 1_000, 50, 50, 4
BODY = b'{"TableName":"' + b"x" * 900 + b'"}'
HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.UpdateItem",
    "x-amz-date": "20261130T020000Z",
    "x-amz-security-token": "x" * 900,
    "authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20261130/sa-east-1/dynamodb/aws4_request, Signature={'a' * 64}",
}
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Mon, 30 Nov 2026 02:00:00 GMT\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 150\r\nConnection: keep-alive\r\n"
    b"x-amzn-RequestId: ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOP\r\n\r\n" + b"x" * 150
)
CA_FILE = "AWS_CA_BUNDLE"

type Exchange = Callable[[], object]


class Client(Protocol):
    """Client that performs the measured exchange over its own connections."""

    def __call__(self) -> object: ...

    def close(self) -> None: ...


class Responding(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received.partition(b"\r\n\r\n")[2]) == len(BODY):
            self._received = b""
            self._transport.write(RESPONSE)


async def serve(pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    context = server_context(Path(os.environ["SERVER_CERTIFICATE"]))
    servers = [await loop.create_server(Responding, "127.0.0.1", 0, ssl=tls) for tls in (None, context)]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.to_thread(pipe.recv)


def run_server(pipe: Connection) -> None:
    asyncio.run(serve(pipe))


def cpu_us(work: Exchange, times: int) -> float:
    for _ in range(min(times, WARM_UP)):
        work()
    cpu = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - cpu) / times * 1e6


class Libcurl:
    """Client that this service uses for DynamoDB and KMS."""

    def __init__(self, url: str, _: ssl.SSLContext) -> None:
        self._transport = AwsTransport(url, connect_timeout_s=1, timeout_s=2)
        self._request = Request("UpdateItem", HEADERS, BODY)

    def __call__(self) -> object:
        return self._transport(self._request)

    def close(self) -> None:
        self._transport.close()


class Httpx2:
    """Client that most of the providers' SDKs use."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url = url
        self._client = httpx2.Client(trust_env=False, verify=context)

    def __call__(self) -> object:
        return self._client.post(self._url, content=BODY, headers=HEADERS)

    def close(self) -> None:
        self._client.close()


class Urllib3:
    """Client that boto3 uses."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._manager = urllib3.PoolManager(maxsize=SIDE_BY_SIDE, ssl_context=context)
        self._pool = self._manager.connection_from_url(url)

    def __call__(self) -> object:
        return self._pool.urlopen("POST", "/", body=BODY, headers=HEADERS, retries=False)

    def close(self) -> None:
        self._pool.close()
        self._manager.clear()


class HttpClient:
    """Client of the standard library, with one connection."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        scheme, _, place = url.partition("://")
        is_tls = scheme == "https"
        self._connection = HTTPSConnection(place, timeout=2, context=context) if is_tls else HTTPConnection(place)

    def __call__(self) -> object:
        self._connection.request("POST", "/", BODY, HEADERS)
        return self._connection.getresponse().read()

    def close(self) -> None:
        self._connection.close()


CLIENTS: Mapping[str, Callable[[str, ssl.SSLContext], Client]] = {
    "libcurl": Libcurl,
    "http.client": HttpClient,
    "urllib3": Urllib3,
    "httpx2": Httpx2,
}


def exchange_on_new_connection(client: Callable[[], Client]) -> None:
    with closing(client()) as subject:
        subject()


def measure_round(name: str, urls: list[str], context: ssl.SSLContext) -> list[float]:
    """Return four CPU times in microseconds: kept connection (plain, TLS) and new connection (plain, TLS)."""
    found: list[float] = []
    for url in urls:
        with closing(CLIENTS[name](url, context)) as subject:
            found.append(cpu_us(subject, KEPT))
    return found + [
        cpu_us(partial(exchange_on_new_connection, partial(CLIENTS[name], url, context)), NEW) for url in urls
    ]


def measure_step(urls: list[str], context: ssl.SSLContext) -> list[float]:
    found: list[float] = []
    for url in urls:
        with closing(Libcurl(url, context)) as subject:
            found.append(cpu_us(partial(run_all, [subject] * SIDE_BY_SIDE), KEPT // SIDE_BY_SIDE))
    return found


def main() -> None:
    with TemporaryDirectory() as folder:
        certificate = certified(Path(folder), "127.0.0.1")
        # As many authorities as in a deployment.
        authorities = Path(folder) / "authorities.pem"
        authorities.write_text(Path(certifi.where()).read_text() + certificate.read_text())
        os.environ |= {CA_FILE: str(authorities), "SERVER_CERTIFICATE": str(certificate)}
        context = ssl.create_default_context(cafile=str(authorities))
        with separate_process(run_server) as ports:
            urls = [f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"]
            rounds = [{name: measure_round(name, urls, context) for name in CLIENTS} for _ in range(ROUNDS)]
            steps = [measure_step(urls, context) for _ in range(ROUNDS)]
    print("| CPU us of one exchange | kept | kept, TLS | new | new, TLS |\n|---|---|---|---|---|")
    for name in CLIENTS:
        columns = zip(*(found[name] for found in rounds), strict=True)
        print(f"| {name} | {' | '.join(f'{median(column):.0f}' for column in columns)} |")
    columns = zip(*steps, strict=True)
    print(f"| four of libcurl in one step | {' | '.join(f'{median(column):.0f}' for column in columns)} | | |")


if __name__ == "__main__":
    main()
