"""What a run says while it waits, and when it ends early: texts and errors for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.journal_reader import Pause
from audioset_dl.dataset.status import PAUSE_NOTE
from audioset_dl.download.address import Address
from audioset_dl.download.hearings import Distrust
from audioset_dl.errors import (
    AudiosetDlError,
    ConfigError,
    OutputError,
    Problem,
    ResourceError,
    ThrottledError,
)
from audioset_dl.outcomes import Failure
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.files import KEPT
from audioset_dl.words import count, duration

MOST_WORDS = 200
"""Characters of the words that are noted of a pause."""


class PauseNote:
    """What a run waits for, for those who watch it, and in the journal for `status`.

    Parameters
    ----------
    journal : Journal
        Where it is noted.
    num_addresses : int
        Number of addresses, without the account's.
    """

    def __init__(self, journal: Journal, num_addresses: int) -> None:
        self.text: str | None = None
        self._journal = journal
        self._num_addresses = num_addresses
        self._key: object = None

    def update(self, locked: Sequence[Address], now: float, *, closed_by: Failure | None) -> None:
        """Note which addresses are paused, or else why the account is not used any more."""
        times = [address.pauses.until or 0 for address in locked]
        key = (min(times), len(times)) if times else closed_by
        if key == self._key:
            return
        self._key = key
        if locked:
            self._note(describe_pause(locked, self._num_addresses, now))
        else:
            self._note(describe_closed(closed_by) if closed_by else None)

    def record(self, address: Address, failure: Failure, now: float) -> None:
        """Note a pause in the journal, for the report."""
        left_s = (address.pauses.until or now) - now
        why = failure.code, failure.gist[:MOST_WORDS]
        self._journal.record_pause(Pause(address.name, utc_now(), utc_now(left_s), *why))

    def clear(self) -> None:
        """Note that the run waits for nothing."""
        self._key = None
        if self.text is not None:
            self._note(None)

    def _note(self, text: str | None) -> None:
        self.text = text
        self._journal.note(PAUSE_NOTE, text or "")


def describe_closed(failure: Failure) -> str:
    """Say that the account can't be used any more in this run."""
    why = (
        "the session of the cookies is over"
        if failure.code == "cookies"
        else f"YouTube refuses the account ({failure.code})"
    )
    return f"{why}: clips that need it wait for the next run"


def describe_pause(locked: Sequence[Address], num_addresses: int, now: float) -> str:
    """Say what the run waits for, and until when, of the address that opens first.

    Parameters
    ----------
    locked : sequence of Address
        The paused addresses, at least one.
    num_addresses : int
        Number of addresses, without the account's.
    now : float
        Seconds of the monotonic clock by which they are paused.
    """
    first = min(locked, key=lambda address: address.pauses.until or 0)
    left_s = max(0, (first.pauses.until or 0) - now)
    until = datetime.now().astimezone() + timedelta(seconds=left_s)
    if first.is_account:
        which = "the account"
    elif num_addresses == 1:
        which = "this address"
    else:
        which = f"{len(locked)} of {num_addresses} addresses ({first.name})"
    what = "YouTube refuses" if first.pauses.is_refused else "No connection to YouTube by"
    why = first.pauses.last_refusal
    words = f"{why.code}: {why.gist}" if why else ""
    return f"{what} {which}; next try at {until:%H:%M:%S %Z} ({words:.120})"


def describe_doubts(
    addresses: Sequence[Address], stopped_classes: Mapping[str, int], num_given_back: int
) -> list[str]:
    """Say why clips wait that were asked for twice, as sentences.

    Parameters
    ----------
    addresses : sequence of Address
        All of the run.
    stopped_classes : mapping of str to int
        Names of classes that draw no more, with the number of clips with vague words in a row.
    num_given_back : int
        Clips that were taken as gone, and wait again.
    """
    told = [_describe_distrust(address) for address in addresses if address.hearings.distrust]
    told += [
        f"class {name}: YouTube had vague words for the last {number} clips, and none was saved; "
        "no more were drawn in this run"
        for name, number in stopped_classes.items()
    ]
    if num_given_back:
        told.append(
            f"{count(num_given_back, 'clip')} that had been taken as gone by such words wait again"
        )
    if any(address.hearings.distrust is not Distrust.FLIPS for address in addresses) and told:
        told.append(
            "if these videos are gone indeed, as of a list that is long dead: "
            "audioset-dl download --believe unavailable"
        )
    return told


def _describe_distrust(address: Address) -> str:
    hearings = address.hearings
    if hearings.distrust is Distrust.FLIPS:
        return (
            f"by {address.name}, {hearings.num_flips} of {hearings.num_second_looks} videos that "
            "YouTube had vague words for were delivered when they were asked for again: such "
            "words prove nothing there, and clips that heard them wait"
        )
    return (
        f"by {address.name}, YouTube had vague words for {hearings.num_vague_first_looks} of the "
        f"last {hearings.num_first_looks} clips: too many to be true, so no clip is gone by them"
    )


def describe_reopened(number: int, config: DownloadConfig) -> str:
    """Say how many clips wait again that version 0.1.0 took as gone, and how long they take."""
    seconds_each = max(config.delay_s, 3600 / config.max_per_hour if config.max_per_hour else 0)
    seconds = number * seconds_each / max(1, len(config.proxies))
    at_pace = f", which takes about {duration(seconds)} at the configured pace" if seconds else ""
    return (
        f"{count(number, 'clip')} that version 0.1.0 took as gone by vague words "
        f'(such as "Video unavailable") {"is" if number == 1 else "are"} asked for '
        f"again{at_pace}: such words may have been meant for the address"
    )


def machine_error(failure: Failure, address: Address) -> AudiosetDlError:
    """Return the error that ends a run because of this machine or its configuration."""
    if failure.code == "cookies":
        fix = "export them again, or sign in again in the browser that they are read from"
        return ConfigError(Problem("download.cookies", failure.detail.rstrip("."), fix))
    if failure.code == "resources":
        fix = "raise the limits (`ulimit -a` shows them), or lower download.workers"
        return ResourceError(f"the system gives this process no more: {failure.gist}", fix=fix)
    if failure.code == "proxy_plain":
        found = f"{address.name} speaks plain HTTP, and https:// stands before it"
        return ConfigError(Problem("download.proxies", found, "write http:// there"))
    if failure.code == "proxy":
        found = f"{address.name} refuses its user or password ({failure.gist})"
        return ConfigError(Problem("download.proxies", found, "correct them"))
    return OutputError(failure.detail, fix=KEPT)


def throttled_error(failure: Failure) -> ThrottledError:
    """Return the error for an address that is refused where the config says not to wait."""
    return ThrottledError(
        f"YouTube refuses this address for now ({failure.code}: {failure.gist})",
        fix="run again later, or set download.on_throttle to wait",
    )


def refused_error(failure: Failure, address: Address) -> AudiosetDlError:
    """Return the error for an address that is refused for hours, in the same words."""
    return AudiosetDlError(
        f"YouTube has refused {address.name} for hours, each time in the same words "
        f"({failure.code}: {failure.gist:.200}). No clip was given up for that",
        fix="see what a browser on this network shows, then run the same command again",
    )


def no_witness_error(address: Address) -> AudiosetDlError:
    """Return the error for vague words where no video is left that is known to play."""
    return AudiosetDlError(
        f"YouTube has vague words for some clips by {address.name}, and no video that should play "
        "there plays, so it can't be told whether those clips are gone",
        fix="set download.canary to a video that plays for you, then run the same command again",
    )


def unknown_error(failure: Failure, number: int) -> AudiosetDlError:
    """Return the error for a number of failures in a row that the program does not know."""
    return AudiosetDlError(
        f"{number} clips in a row failed in a way that the program does not know (the last: "
        f"{failure.detail:.200}). YouTube may have changed, and yt-dlp may be outdated",
        fix="update it (pip install --upgrade 'yt-dlp[default,deno]'), then run the same command "
        "again",
    )


def describe_unlisted(number: int) -> str:
    """Return what to do about saved clips that manifest.csv lacks after a signal."""
    return (
        f"of which manifest.csv lacks {number:,} so far (the next run adds them, and so does "
        "`audioset-dl verify --repair`)"
    )
