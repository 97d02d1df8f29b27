"""Run the command on a system that lacks something: ``patched.py flock=ENOSYS download c.yaml``.

In a process of its own, with calls of the system that answer with an error: ``flock``, ``fcntl``,
and ``fsync`` of folders.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable

from audioset_dl import cli

_fsync = os.fsync


def failing(name: str, number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def fail_for_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            fail()
        _fsync(descriptor)

    return fail_for_folders if name == "fsync" else fail


def main() -> None:
    for patch in sys.argv[1].split(","):
        name, _, code = patch.partition("=")
        fail = failing(name, getattr(errno, code))
        setattr(os if name == "fsync" else fcntl, name, fail)
    del sys.argv[1]
    cli.main()


if __name__ == "__main__":
    main()
