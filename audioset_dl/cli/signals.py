"""What the signals to end do to a long command."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


def at_signals(act: Callable[[int], object]) -> None:
    """Call a function at the first Ctrl-C, SIGTERM or SIGHUP (a closed terminal).

    The second of the same kind ends the program at once.
    """

    def act_once(signal_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal_number, signal.SIG_DFL)
        act(signal_number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP, and what it starts must go on ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, act_once)
