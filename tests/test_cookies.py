"""The user's cookie file: read, checked, never written, its secrets never shown."""

from pathlib import Path

import pytest

from audioset_dl.errors import ConfigError
from audioset_dl.youtube.cookies import read_cookies

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
        (HEADER + LINE + LINE.replace("2000000000", "canary"), ":3: expected seven fields"),
    ],
)
def test_other_files_are_refused_without_showing_them(tmp_path, capfd, text, words) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_cookies(write(tmp_path, text))
    printed = capfd.readouterr()
    assert "canary" not in str(caught.value) + printed.out + printed.err
    assert "download.cookies" in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="export the cookies"):
        read_cookies(tmp_path / "none.txt")
