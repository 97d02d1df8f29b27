"""The user's cookie file: read, checked, never written, its secrets never shown."""

import sqlite3
from pathlib import Path

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.errors import ConfigError
from audioset_dl.youtube.cookies import find_cookies, read_cookies

HEADER = "# Netscape HTTP Cookie File\n"
LINE = ".youtube.com\tTRUE\t/\tTRUE\t2000000000\tSID\tcanary\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cookies.txt"
    path.write_text(text)
    return path


def test_a_netscape_file_is_read_as_it_is(tmp_path: Path) -> None:
    text = f"{HEADER}\n{LINE}#HttpOnly_{LINE}"
    path = write(tmp_path, text)
    assert read_cookies(path) == text
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"name": "SID", "value": "canary"}]', "JSON"),
        (LINE, "begin with"),
        (HEADER, "no cookies"),
        (HEADER + LINE.replace("\t", " "), ":2: expected seven fields"),
        (HEADER + LINE + LINE.replace("2000000000", "canary"), ":3: expected a time"),
        (HEADER + LINE.replace("2000000000", "9" * 400), ":2: expected a time"),
        (HEADER + LINE.replace("2000000000", "-1"), ":2: expected a time"),
        (HEADER + LINE[1:], ":2: expected TRUE in the second field where"),
        (HEADER + LINE.replace("TRUE", "FALSE"), ":2: expected TRUE in the second field where"),
        (HEADER + LINE.replace("canary", "\0canary"), ":2: expected text without control"),
        (HEADER + LINE.replace("canary", "\x0bcanary"), ":2: expected text without control"),
    ],
)
def test_other_files_are_refused_without_showing_them(tmp_path, capfd, text, words) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_cookies(write(tmp_path, text))
    printed = capfd.readouterr()
    assert "canary" not in str(caught.value) + printed.out + printed.err
    assert "download.cookies" in str(caught.value)


@pytest.mark.parametrize("text", ["\ufeff" + HEADER + LINE, (HEADER + LINE).replace("\n", "\r\n")])
def test_byte_order_marks_and_line_ends_of_windows(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cookies.txt"
    path.write_bytes(text.encode())
    assert "canary" in read_cookies(path)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="export the cookies"):
        read_cookies(tmp_path / "none.txt")


def make_firefox_profile(folder: Path) -> Path:
    connection = sqlite3.connect(folder / "cookies.sqlite")
    connection.execute(
        "CREATE TABLE moz_cookies (host, name, value, path, expiry, isSecure, originAttributes)"
    )
    row = (".youtube.com", "SID", "canary", "/", 2_000_000_000, 1, "")
    connection.execute("INSERT INTO moz_cookies VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    return folder


def test_a_browsers_cookies_are_read_once_as_text(tmp_path: Path) -> None:
    profile = make_firefox_profile(tmp_path)
    text = find_cookies(DownloadConfig(cookies_from_browser=f"firefox:{profile}"))
    assert text.startswith("# Netscape HTTP Cookie File")
    assert ".youtube.com\tTRUE\t/\tTRUE\t2000000000\tSID\tcanary" in text


def test_a_browser_without_cookies_is_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"download\.cookies_from_browser: .*firefox"):
        find_cookies(DownloadConfig(cookies_from_browser=f"firefox:{tmp_path / 'none'}"))


def test_a_guest_has_none() -> None:
    assert find_cookies(DownloadConfig()) is None
