"""Why a run stands still or ends early, in words and as errors for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from audioset_dl.dataset.files import KEPT
from audioset_dl.errors import AudiosetDlError, ConfigError, OutputError, Problem
from audioset_dl.youtube.address import Address
from audioset_dl.youtube.failures import Failure


def pause_words(locked: Sequence[Address], num_addresses: int, now: float) -> str:
    """Say what is waited for, and until when, of the address that opens first.

    Parameters
    ----------
    locked : sequence of Address
        Those that are paused, at least one.
    num_addresses : int
        Of all.
    now : float
        The time of the monotonic clock by which they are paused, in seconds.
    """
    first = min(locked, key=lambda address: address.locked_until or 0)
    left_s = max(0, (first.locked_until or 0) - now)
    until = datetime.now().astimezone() + timedelta(seconds=left_s)
    which = (
        "this address"
        if num_addresses == 1
        else f"{len(locked)} of {num_addresses} addresses ({first.name})"
    )
    what = "YouTube refuses" if first.is_refused else "No connection to YouTube by"
    why = first.last_refusal
    words = f"{why.code}: {why.gist}" if why else ""
    return f"{what} {which}; next try at {until:%H:%M:%S %Z} ({words:.120})"


def machine_error(failure: Failure, address: Address) -> AudiosetDlError:
    """Return the error that ends a run for a fault of this machine or its configuration."""
    if failure.code == "cookies":
        return ConfigError(Problem("download.cookies", f"{failure.detail}; export them anew"))
    if failure.code == "proxy":
        words = f"{address.name} refuses its user or password ({failure.gist}); correct them"
        return ConfigError(Problem("download.proxies", words))
    return OutputError(f"{failure.detail}; {KEPT}")


def throttled_words(failure: Failure) -> str:
    """Say that an address is refused and the config says not to wait."""
    return (
        f"YouTube refuses this address for now ({failure.code}: {failure.gist}); "
        "run again later, or set download.on_throttle to wait"
    )


def unknown_words(failure: Failure, number: int) -> str:
    """Say that so many failures in a row were none that is known."""
    return (
        f"{number} clips in a row failed in a way that the program does not know (the last: "
        f"{failure.detail:.200}). YouTube may have changed, and yt-dlp may be outdated: update it "
        "(pip install --upgrade 'yt-dlp[default,deno]'), then run the same command again"
    )
