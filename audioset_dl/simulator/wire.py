"""The wire: connections of clients, TLS, HTTP and the pace of sending.

Owns how answers are sent, and how they break off; the site decides what they hold. A client talks
to it as to any HTTP proxy: ``CONNECT`` opens a tunnel whose other end is the simulator itself;
plain ``http://`` requests come as absolute URIs.
"""

from __future__ import annotations

import contextlib
import http.server
import select
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from audioset_dl.simulator.answers import Answer
from audioset_dl.simulator.call import Call
from audioset_dl.simulator.faults import Break, read_break, read_trickle
from audioset_dl.simulator.log import Request, RequestLog
from audioset_dl.simulator.site import Site, is_hosted

_CHUNK = 64 << 10
_PACED_CHUNK = 16 << 10
# At a slow pace the chunks are smaller, so that bytes come all the time.
_CHUNKS_PER_S = 20
_POLL_S = 0.05
_JOIN_S = 5.0


class Wire:
    """What all connections share."""

    def __init__(
        self,
        site: Site,
        log: RequestLog,
        tls: ssl.SSLContext,
        rtt_s: float,
        bytes_per_s: float | None,
    ) -> None:
        self.site = site
        self.log = log
        self.tls = tls
        self.rtt_s = rtt_s
        self.bytes_per_s = bytes_per_s
        self.stopping = threading.Event()

    def answer(self, call: Call) -> Answer:
        """Return the site's answer, a round trip later."""
        answer = self.site.answer(call)
        self.wait_round_trip()
        return answer

    def wait_round_trip(self) -> None:
        """Let the time of a round trip pass."""
        if self.rtt_s:
            self.stopping.wait(self.rtt_s)


class Listener(socketserver.ThreadingTCPServer):
    """Accepts connections, each in a thread of its own, and knows them all."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, wire: Wire) -> None:
        self.wire = wire
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(("127.0.0.1", port), _Connection)

    def note(self, connection: socket.socket) -> None:
        """Remember the socket on which the current thread talks."""
        with self._lock:
            self._connections[threading.current_thread()] = connection
        if self.wire.stopping.is_set():
            _hang_up(connection)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection in the current thread."""
        self.note(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def handle_error(self, *_: Any) -> None:
        """Let an error of the simulator itself reach ``threading.excepthook``, and so a test."""
        raise  # noqa: PLE0704 - called while the exception is handled

    def hang_up(self) -> None:
        """Close every connection and wait for the threads."""
        self.wire.stopping.set()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections.values():
            _hang_up(connection)
        deadline = time.monotonic() + _JOIN_S
        for thread in connections:
            thread.join(max(0.0, deadline - time.monotonic()))


class _Connection(http.server.BaseHTTPRequestHandler):
    """One connection of a client: requests to the proxy, then those inside its tunnel."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    connection: socket.socket
    _headers_buffer: list[bytes]

    def setup(self) -> None:
        super().setup()
        self.wire = self.server.wire
        self.tunnel_host = ""

    def handle(self) -> None:
        # A client that hangs up, or that rejects the certificate, is not an error of the simulator.
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Print nothing: the request log has it all."""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        if not is_hosted(host):
            self._serve(Call("CONNECT", host, ""))
            self.close_connection = True
            return
        self.wire.wait_round_trip()
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.rfile.close()
        self.request = self.wire.tls.wrap_socket(self.connection, server_side=True)
        self.server.note(self.request)
        self.setup()
        self.tunnel_host = host
        self.close_connection = False

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        host = self.tunnel_host or url.hostname or self.headers.get("Host", "").partition(":")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._read_body(int(headers.get("content-length", "0")))
        self._serve(Call(self.command, host, url.path, url.query, headers, body))

    do_POST = do_HEAD = do_GET  # noqa: N815

    def _read_body(self, size: int) -> bytes:
        # Behind a proxy urllib3 leaves Nagle's algorithm on, so the body of a POST waits for the
        # acknowledgement of its head, which Linux delays by 40 ms unless told not to.
        if size and hasattr(socket, "TCP_QUICKACK"):
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return self.rfile.read(size)

    def _serve(self, call: Call) -> None:
        asked_at = time.monotonic()
        answer = self.wire.answer(call)
        broken = read_break(answer.fault)
        size = answer.body.stat().st_size if isinstance(answer.body, Path) else len(answer.body)
        planned = 0 if call.method == "HEAD" else size
        planned = broken.num_bytes(planned) if broken else planned
        ticket = self.wire.log.begin(_record(asked_at, call, answer, planned))
        sent = 0
        try:
            self._send_head(answer, size, is_whole=not (broken and broken.is_in_head))
            for chunk in self._chunks(answer, planned):
                self.connection.sendall(chunk)
                sent += len(chunk)
        finally:
            self.wire.log.end(ticket, sent)
        if broken:
            self._break_off(broken)

    def _send_head(self, answer: Answer, size: int, *, is_whole: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        if answer.kind == "media":
            self.send_header("Accept-Ranges", "bytes")
        if is_whole:
            self.end_headers()
            return
        head = b"".join(self._headers_buffer)
        self._headers_buffer = [head[: len(head) // 2]]
        self.flush_headers()

    def _chunks(self, answer: Answer, size: int) -> Iterator[bytes | memoryview]:
        """Yield the body; media no faster than the speed of the connection."""
        pace = read_trickle(answer.fault) or (
            self.wire.bytes_per_s if answer.kind == "media" else None
        )
        began_at, sent = time.monotonic(), 0
        for chunk in _split(answer.body, size, _chunk_size(pace)):
            yield chunk
            sent += len(chunk)
            if pace:
                self.wire.stopping.wait(max(0.0, began_at + sent / pace - time.monotonic()))

    def _break_off(self, broken: Break) -> None:
        """End an answer before it is complete."""
        self.close_connection = True
        if broken.how == "stall":
            self._wait_for_hang_up()
        if broken.how == "reset":
            # A linger of zero seconds turns close() into a TCP reset (socket(7)).
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _wait_for_hang_up(self) -> None:
        while not self.wire.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], _POLL_S)
            if readable and not self.connection.recv(1):
                return


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own: it would take the TLS object from under the thread's hands.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _chunk_size(pace: float | None) -> int:
    if not pace:
        return _CHUNK
    return min(_PACED_CHUNK, max(1, int(pace / _CHUNKS_PER_S)))


def _split(body: bytes | memoryview | Path, size: int, chunk: int) -> Iterator[bytes | memoryview]:
    if isinstance(body, Path):
        with body.open("rb") as file:
            while size > 0 and (read := file.read(min(chunk, size))):
                size -= len(read)
                yield read
    else:
        for at in range(0, size, chunk):
            yield body[at : min(at + chunk, size)]


def _record(asked_at: float, call: Call, answer: Answer, planned: int) -> Request:
    return Request(
        time_s=asked_at,
        kind=answer.kind,
        method=call.method,
        host=call.host,
        path=call.path,
        ytid=answer.ytid,
        client=answer.client,
        range=call.range,
        status=answer.status,
        fault=answer.fault,
        bytes_sent=planned,
        cookie_names=tuple(sorted(call.cookies)),
        is_signed_in=call.is_signed_in,
    )
