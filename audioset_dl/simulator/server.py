"""The wire: a proxy on a loopback port that answers by itself and never connects anywhere.

Owns sockets, TLS, HTTP and the pace of sending; what is answered is the site's. A client talks to
it as to any HTTP proxy: ``CONNECT`` opens a tunnel whose other end is the simulator itself, with a
certificate of its own making; plain ``http://`` requests come as absolute URIs.
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
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO
from urllib.parse import urlsplit

import trustme

from audioset_dl.simulator.budget import Budget
from audioset_dl.simulator.log import Request, RequestLog
from audioset_dl.simulator.site import Answer, Call, Site, is_hosted
from audioset_dl.simulator.videos import Video

_HOSTS = (
    "youtube.com", "*.youtube.com", "*.googlevideo.com",
    "storage.googleapis.com", "raw.githubusercontent.com",
)  # fmt: skip
_CHUNK = 64 << 10
_PACED_CHUNK = 16 << 10
_POLL_S = 0.05
_JOIN_S = 5.0


class Simulator:
    """A loopback YouTube, as a context manager or by :meth:`start` and :meth:`stop`.

    Parameters
    ----------
    videos : iterable of Video
        The videos that it has.
    default : Video, optional
        Stands for every other id; None: other ids are ``unavailable``.
    metadata_dir : Path, optional
        Folder with copies of Google's files, served at their addresses; None: 404.
    port : int
        On 127.0.0.1; 0: any that is free.
    rtt_s : float
        Seconds before each answer.
    bytes_per_s : float, optional
        How fast media is sent over one connection; None: as fast as it goes.
    budget : Budget, optional
        What the one address, which this proxy stands for, may ask of YouTube.
    refuse_open_ended : bool
        Whether media is sent to bounded ranges only, as YouTube does since August 2026.
    page_padding : int
        Bytes by which watch pages are made heavier; a real one has about 1,000,000.
    log_file : text stream, optional
        To which every request is written as a line of JSON.
    """

    def __init__(
        self,
        videos: Iterable[Video] = (),
        *,
        default: Video | None = None,
        metadata_dir: Path | None = None,
        port: int = 0,
        rtt_s: float = 0.0,
        bytes_per_s: float | None = None,
        budget: Budget | None = None,
        refuse_open_ended: bool = True,
        page_padding: int = 0,
        log_file: TextIO | None = None,
    ) -> None:
        self._site = Site(
            videos,
            default=default,
            metadata_dir=metadata_dir,
            budget=budget,
            refuse_open_ended=refuse_open_ended,
            page_padding=page_padding,
        )
        self.log = RequestLog(log_file)
        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        """The certificate of its authority, for clients that verify."""
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*_HOSTS).configure_cert(self._tls)
        self._port = port
        self._rtt_s = rtt_s
        self._bytes_per_s = bytes_per_s
        self._listener: _Listener | None = None
        self._accepting: threading.Thread | None = None

    @property
    def address(self) -> str:
        """The proxy's address, ``http://127.0.0.1:PORT``.

        Raises
        ------
        RuntimeError
            It is not running.
        """
        if self._listener is None:
            raise RuntimeError("the simulator is not running; start() it first")
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def start(self) -> Self:
        """Listen, and answer in threads of its own until :meth:`stop`."""
        wire = _Wire(self._site, self.log, self._tls, self._rtt_s, self._bytes_per_s)
        self._listener = _Listener(self._port, wire)
        self._accepting = threading.Thread(
            target=self._listener.serve_forever,
            kwargs={"poll_interval": _POLL_S},
            name="simulator",
            daemon=True,
        )
        self._accepting.start()
        return self

    def stop(self) -> None:
        """Close every connection and wait for the threads; does nothing when not running."""
        if self._listener is None or self._accepting is None:
            return
        self._listener.shutdown()
        self._accepting.join()
        self._listener.server_close()
        self._listener.hang_up()
        self._listener = self._accepting = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class _Wire:
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
        if self.rtt_s:
            self.stopping.wait(self.rtt_s)


class _Listener(socketserver.ThreadingTCPServer):
    """Accepts connections, each in a thread of its own, and knows them all."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, wire: _Wire) -> None:
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
        self.note(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def handle_error(self, *_: Any) -> None:
        """Let a fault of the simulator's own reach ``threading.excepthook``, and so a test."""
        raise  # noqa: PLE0704 - called while the exception is handled

    def hang_up(self) -> None:
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
    server: _Listener
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.wire = self.server.wire
        self.tunnel_host = ""

    def handle(self) -> None:
        # A client that hangs up, or that does not like the certificate, is none of our errors.
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Say nothing; the record is the request log."""

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
        size = answer.body.stat().st_size if isinstance(answer.body, Path) else len(answer.body)
        planned = _bytes_to_send(answer, 0 if call.method == "HEAD" else size)
        ticket = self.wire.log.begin(_record(asked_at, call, answer, planned))
        sent = 0
        try:
            self._send_head(answer, size)
            for chunk in self._chunks(answer, planned):
                self.connection.sendall(chunk)
                sent += len(chunk)
        finally:
            self.wire.log.end(ticket, sent)
        self._misbehave(answer.fault)

    def _send_head(self, answer: Answer, size: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        if answer.kind == "media":
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()

    def _chunks(self, answer: Answer, size: int) -> Iterator[bytes | memoryview]:
        """Yield the body, media no faster than the connection is meant to be."""
        pace = self.wire.bytes_per_s if answer.kind == "media" else None
        began_at, sent = time.monotonic(), 0
        for chunk in _split(answer.body, size, _PACED_CHUNK if pace else _CHUNK):
            yield chunk
            sent += len(chunk)
            if pace:
                self.wire.stopping.wait(max(0.0, began_at + sent / pace - time.monotonic()))

    def _misbehave(self, fault: str) -> None:
        """Carry out what a fault asks for after the body."""
        if fault in ("truncate", "reset", "stall"):
            self.close_connection = True
        if fault == "stall":
            self._wait_for_hang_up()
        if fault == "reset":
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


def _bytes_to_send(answer: Answer, size: int) -> int:
    if answer.fault in ("truncate", "reset"):
        return size // 2
    return 0 if answer.fault == "stall" else size


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
        has_cookies=call.has_cookies,
        is_signed_in=call.is_signed_in,
    )
