"""The simulator: a proxy on a loopback port that answers by itself and never connects anywhere.

Owns its certificate, its start and its end. :mod:`audioset_dl.simulator.wire` sends the answers of
:mod:`audioset_dl.simulator.site`.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import trustme

from audioset_dl.simulator.budget import Budget
from audioset_dl.simulator.faults import RandomFaults
from audioset_dl.simulator.log import RequestLog
from audioset_dl.simulator.site import Site
from audioset_dl.simulator.spells import Spell
from audioset_dl.simulator.videos import Video
from audioset_dl.simulator.wire import Listener, Wire

_HOSTS = (
    "youtube.com", "*.youtube.com", "*.googlevideo.com",
    "storage.googleapis.com", "raw.githubusercontent.com",
)  # fmt: skip
_POLL_S = 0.05


class Simulator:
    """A loopback YouTube, as a context manager or by :meth:`start` and :meth:`stop`.

    Parameters
    ----------
    videos : iterable of Video
        The videos that it has.
    default : Video, optional
        Answers for every other id; None: these are ``unavailable``.
    metadata_dir : Path, optional
        Folder with copies of Google's files, served at their addresses; None: 404.
    port : int
        Port on 127.0.0.1; 0: any free one.
    rtt_s : float
        Seconds before each answer.
    bytes_per_s : float, optional
        Speed of media over one connection; None: no limit.
    budget : Budget, optional
        What one address, which this proxy stands for, may ask for; None: everything.
    sessions : collection of str, optional
        ``LOGIN_INFO`` of the valid sessions of accounts; None: all are valid.
    random_faults : RandomFaults, optional
        Faults that requests meet by chance.
    refuse_open_ended : bool
        True: send media to bounded ranges only, as YouTube does since August 2026.
    page_padding : int
        Bytes to add to each watch page; a real one has about 1,000,000.
    log_file : text stream, optional
        Receives each request as a line of JSON.
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
        sessions: Collection[str] | None = None,
        random_faults: RandomFaults | None = None,
        refuse_open_ended: bool = True,
        page_padding: int = 0,
        log_file: TextIO | None = None,
    ) -> None:
        self._site = Site(
            videos,
            default=default,
            metadata_dir=metadata_dir,
            budget=budget,
            sessions=sessions,
            random_faults=random_faults,
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
        self._listener: Listener | None = None
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

    def cast(self, *spells: Spell, seed: int = 0) -> None:
        """Let the site be in some states, one after the other; none: it is well."""
        self._site.shelf.cast(*spells, seed=seed)

    def refuse_all(self, behaviour: str | None) -> None:
        """Answer for every video with one behaviour until called with None; also while it runs.

        Parameters
        ----------
        behaviour : str or None
            A key of :data:`audioset_dl.simulator.behaviours.BEHAVIOURS`, such as ``http_429``,
            ``bot_check``, or ``session:media`` for 403 on all media.

        Raises
        ------
        ValueError
            There is no such behaviour.
        """
        self._site.shelf.refuse_all(behaviour)

    def start(self) -> Self:
        """Listen, and answer in threads of its own until :meth:`stop`.

        Started again, it has the same address, and remembers what it was asked.
        """
        wire = Wire(self._site, self.log, self._tls, self._rtt_s, self._bytes_per_s)
        self._listener = Listener(self._port, wire)
        self._port = self._listener.server_address[1]
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
