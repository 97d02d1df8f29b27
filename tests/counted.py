"""Runs `audioset-dl` and counts connections that fail: counted.py FILE ARGUMENTS.

Each adds a byte to the file: nobody can count them at the other end, as there is none. Run by
`scripts/bench faults`, in a process of its own.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

from audioset_dl import cli


def count_failures(file: Path) -> None:
    connect = socket.socket.connect

    def counted(self: socket.socket, address: Any) -> None:
        try:
            connect(self, address)
        except OSError:
            with file.open("ab") as failures:
                failures.write(b".")
            raise

    socket.socket.connect = counted


if __name__ == "__main__":
    count_failures(Path(sys.argv[1]))
    sys.argv = ["audioset-dl", *sys.argv[2:]]
    cli.main()
