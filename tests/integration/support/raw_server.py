"""Serve raw bytes: a function of the test handles each connection."""

import socket
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class RawServer:
    """Server that counts its connections and the complete requests received on them.

    Attributes:
        going_on: Set by the test for a script that waits for it.
        closing: Set at the end of the test.
    """

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    going_on: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def receive(self, connection: socket.socket) -> bytes | None:
        """Return the body of the next request on the connection; None if it ends first."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (more := connection.recv(65_536)):
                return None
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            if not (more := connection.recv(65_536)):
                return None
            body += more
        self.requests.append(body)
        return body

    def drip(self, connection: socket.socket, text: bytes) -> None:
        """Send a byte every 20 ms, for as long as the test lasts, the last one again and again."""
        with suppress(OSError):
            for byte in text:
                connection.sendall(bytes([byte]))
                self.closing.wait(0.02)
            while not self.closing.wait(0.02):
                connection.sendall(text[-1:])


type Script = Callable[[RawServer, socket.socket], None]


@contextmanager
def raw_server(script: Script) -> Generator[RawServer]:
    """Run the script for each connection in a new thread, then close the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(listener.getsockname()[1])
        threads: list[Thread] = []
        opened: list[socket.socket] = []

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                script(server, connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    server.connections += 1
                    opened.append(connection)
                    threads.append(Thread(target=serve, args=(connection,), daemon=True))
                    threads[-1].start()

        accepting = Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            server.going_on.set()
            server.closing.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in opened:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@contextmanager
def responding(*responses: bytes) -> Generator[RawServer]:
    """Respond to each request with the next of these responses, then with OK.

    The connection is closed after a response whose body only ends with the connection.
    """
    left = list(responses)

    def script(server: RawServer, connection: socket.socket) -> None:
        while server.receive(connection) is not None:
            response = left.pop(0) if left else OK
            connection.sendall(response)
            if b"content-length" not in response.lower() and b"chunked" not in response:
                return

    with raw_server(script) as server:
        yield server


def reset(connection: socket.socket) -> None:
    """Close a connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
