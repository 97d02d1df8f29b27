"""The user's cookies: read in each form, checked, never written, their secrets never shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.config import DownloadConfig, find_secrets
from audioset_dl.errors import ConfigError
from audioset_dl.youtube.cookie_json import CookieFormError, make_netscape_text
from audioset_dl.youtube.cookies import find_cookies, read_cookies

HEADER = "# Netscape HTTP Cookie File\n"
LATER, PAST = 2_000_000_000, 1_000_000_000  # 2033; 2001-09-09
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
        ('[{"name": "SID", "value": "canary"}]', "cookie 1 of the list: expected .*domain"),
        ('{"cookies": "canary"}', "JSON that is no list of cookies"),
        ('["canary"]', "cookie 1 of the list: expected an object"),
        ('[{"name": "canary"', "damaged at line 1, column 19"),
        ("[" * 100_000, "JSON"),
        ("[" + "9" * 5000 + "]", "JSON"),
        ("[]", "no cookies"),
        (LINE, "begin with"),
        ("canary: a shopping list", "neither.* begin with"),
        ("<html>canary</html>", "neither"),
        ("", "neither"),
        (HEADER, "no cookies"),
        (HEADER + LINE.replace("\t", " "), ":2: expected seven fields"),
        (HEADER + LINE + LINE.replace("2000000000", "canary"), ":3: expected a time"),
        (HEADER + LINE.replace("2000000000", "9" * 400), ":2: expected a time"),
        (HEADER + LINE.replace("2000000000", "2033-05-18"), ":2: expected a time"),
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
    with pytest.raises(ConfigError, match=r"sign in to youtube\.com .*EditThisCookie"):
        read_cookies(tmp_path / "none.txt")


SESSION = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID")


def json_cookie(name: str, number: int = 1, /, **changes: object) -> dict[str, object]:
    """Return a cookie as EditThisCookie copies it."""
    cookie = {
        "domain": ".youtube.com", "expirationDate": LATER + 0.25, "hostOnly": False,
        "httpOnly": True, "name": name, "path": "/", "sameSite": "no_restriction", "secure": True,
        "session": False, "storeId": "0", "value": f"canary-{name}", "id": number,
    }  # fmt: skip
    cookie.update(changes)
    return {key: value for key, value in cookie.items() if value is not ...}


def json_text(names: Sequence[str] = SESSION, **changes: object) -> str:
    cookies = [json_cookie(name, number, **changes) for number, name in enumerate(names, start=1)]
    return json.dumps(cookies, indent=4)


def lines_of(names: Sequence[str] = SESSION, expiry: int = LATER) -> str:
    return "".join(
        f".youtube.com\tTRUE\t/\tTRUE\t{expiry}\t{name}\tcanary-{name}\n" for name in names
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_editthiscookie_copies_is_read_as_it_is(tmp_path, line_end, encoding) -> None:
    path = tmp_path / "cookies.txt"
    data = json_text().replace("\n", line_end).encode(encoding)
    path.write_bytes(data)
    path.chmod(0o400)
    text = find_cookies(DownloadConfig(cookies=path))
    assert text == HEADER + "".join(f"#HttpOnly_{line}\n" for line in lines_of().splitlines())
    assert path.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["cookies.txt"]


def test_what_cookie_editor_copies_is_read_too(tmp_path: Path) -> None:
    text = json_text(sameSite=None, storeId=None, id=...)
    path = write(tmp_path, text)
    assert "\tSAPISID\tcanary-SAPISID\n" in find_cookies(DownloadConfig(cookies=path))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t2000000000"),
        ({"httpOnly": False}, ".youtube.com\tTRUE\t/\tTRUE\t2000000000"),
        ({"domain": "www.youtube.com", "hostOnly": True},
         "#HttpOnly_www.youtube.com\tFALSE\t/\tTRUE\t2000000000"),
        ({"domain": "youtube.com"}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t2000000000"),
        ({"hostOnly": ...}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t2000000000"),
        ({"domain": "youtube.com", "hostOnly": ...},
         "#HttpOnly_youtube.com\tFALSE\t/\tTRUE\t2000000000"),
        ({"session": True, "expirationDate": ...}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t0"),
        ({"expirationDate": 0}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t1"),
        ({"expirationDate": -1}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t0"),
        ({"expirationDate": ..., "expires": -1}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t0"),
        ({"expirationDate": ..., "expires": 1999999999.5},
         "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t1999999999"),
        ({"expirationDate": 2e12}, "#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t2000000000"),
        ({"secure": False, "path": "/x"}, "#HttpOnly_.youtube.com\tTRUE\t/x\tFALSE\t2000000000"),
    ],
)  # fmt: skip
def test_each_key_of_a_cookie_in_json(changes: Mapping[str, object], fields: str) -> None:
    text = make_netscape_text(json_text(["SID"], **changes))
    assert text == f"{HEADER}{fields}\tSID\tcanary-SID\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value": 7}, "value"),
        ({"value": "canary\tcanary"}, "control characters.*value"),
        ({"name": "canary\n#"}, "control characters.*name"),
        ({"path": ["canary"]}, "path"),
        ({"domain": "canary host"}, "a host name"),
        ({"domain": "#canary"}, "a host name"),
        ({"domain": ""}, "a host name"),
        ({"hostOnly": "canary"}, "hostOnly"),
        ({"expirationDate": "canary"}, "expirationDate"),
        ({"expirationDate": ..., "expires": "2033-05-18"}, "expires"),
        ({"expirationDate": 10**400}, "expirationDate"),
        ({"expirationDate": float("nan")}, "expirationDate"),
        ({"expirationDate": True}, "expirationDate"),
    ],
)
def test_damaged_json_is_refused_without_showing_it(changes, words) -> None:
    cookies = [json_cookie("SID"), json_cookie("SID", **changes)]
    with pytest.raises(
        CookieFormError, match=f"cookie 2 of the list: expected .*{words}"
    ) as caught:
        make_netscape_text(json.dumps(cookies))
    assert "canary" not in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.sampled_from([*json_cookie("x"), "other"]), VALUES), max_size=3))
def test_any_json_is_read_or_refused(tmp_path_factory, cookies: list) -> None:
    path = tmp_path_factory.getbasetemp() / "any-cookies.txt"
    path.write_text(json.dumps(cookies))
    try:
        text = read_cookies(path)
    except ConfigError:
        return
    assert text.count("\n") == len(cookies) + 1


def test_what_playwright_keeps_is_read_too(tmp_path: Path) -> None:
    cookies = [json_cookie(name, expirationDate=..., expires=LATER) for name in SESSION]
    path = write(tmp_path, json.dumps({"cookies": cookies, "origins": []}))
    assert "\tSAPISID\tcanary-SAPISID\n" in find_cookies(DownloadConfig(cookies=path))


@pytest.mark.parametrize(
    ("written", "read"),
    [("-1", "0"), ("0", "0"), ("2000000000.75", "2000000000"), ("2000000000123", "2000000000")],
)
def test_times_of_other_tools_are_understood(tmp_path: Path, written: str, read: str) -> None:
    text = HEADER + lines_of() + LINE.replace("2000000000", written)
    path = write(tmp_path, text)
    assert find_cookies(DownloadConfig(cookies=path)).endswith(LINE.replace("2000000000", read))


@pytest.mark.parametrize(
    "line",
    [
        "example.org\tTRUE\t/\tTRUE\t-1\tx\tcanary",
        "example.org FALSE / TRUE 0 x canary",
        "example.org\tFALSE\t/\tTRUE\tlater\tx\tcanary",
        "example.org\tFALSE\t/\tTRUE\t0\tx\tcan\x07ary",
        "canary",
    ],
)
def test_a_bad_line_of_another_site_is_passed_over(tmp_path, capfd, line: str) -> None:
    text = find_cookies(DownloadConfig(cookies=write(tmp_path, f"{HEADER}{line}\n{lines_of()}")))
    assert text == HEADER + lines_of()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("blank", ["\n", "\r\n\r\n", " \n", "\ufeff\n"])
@pytest.mark.parametrize("text", [HEADER + lines_of(), json_text()])
def test_blank_lines_may_come_first(tmp_path: Path, blank: str, text: str) -> None:
    assert find_cookies(DownloadConfig(cookies=write(tmp_path, blank + text)))


OTHER_SITE = lines_of().replace("youtube", "example")
LATE, EARLY = lines_of(), lines_of(expiry=PAST)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (OTHER_SITE, "no cookies of youtube.com .*1 other site"),
        (LATE.replace(".youtube.com", ".notyoutube.com"), "no cookies of youtube.com"),
        (EARLY, "all expired, the last on 2001-09-0"),
        (EARLY + lines_of(["SID"]), "session on YouTube that expired on 2001-09-0"),
        (lines_of(SESSION[:1]) + lines_of(SESSION[1:], PAST), "expired on 2001-09-0"),
        (lines_of(["SID", "VISITOR_INFO1_LIVE"]), "no session .*signed in .*LOGIN_INFO"),
        (lines_of(SESSION[1:]), "no session .*signed in"),
        (lines_of(SESSION[:1]), "no session .*signed in"),
        (LATE.replace("canary-SAPISID", "").replace("canary-__Secure-3PAPISID", ""), "no session"),
        (LATE.replace("/\tTRUE", "/elsewhere\tTRUE"), "no session .*signed in"),
    ],
)
def test_cookies_without_a_session_are_refused(tmp_path: Path, lines: str, words: str) -> None:
    path = write(tmp_path, HEADER + lines)
    with pytest.raises(ConfigError, match=words) as caught:
        find_cookies(DownloadConfig(cookies=path))
    assert "canary" not in str(caught.value)
    assert "EditThisCookie" in str(caught.value)


@pytest.mark.parametrize("name", ["SAPISID", "__Secure-1PAPISID", "__Secure-3PAPISID"])
def test_a_session_is_what_yt_dlp_takes_for_one(tmp_path: Path, name: str) -> None:
    text = HEADER + lines_of(["LOGIN_INFO", name]) + lines_of(["GPS"], PAST) + OTHER_SITE
    assert find_cookies(DownloadConfig(cookies=write(tmp_path, text))) == text


def test_cookies_that_end_with_the_browsers_session_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path, json_text(session=True, expirationDate=...))
    assert find_cookies(DownloadConfig(cookies=path))


def test_the_values_of_json_are_secrets(tmp_path: Path) -> None:
    config = DownloadConfig(cookies=write(tmp_path, json_text()))
    hidden = find_secrets(config, find_cookies(config)).hide("Cookie: canary-SAPISID")
    assert hidden == "Cookie: ***"


def make_firefox_profile(folder: Path, names: Sequence[str]) -> Path:
    connection = sqlite3.connect(folder / "cookies.sqlite")
    connection.execute(
        "CREATE TABLE moz_cookies (host, name, value, path, expiry, isSecure, originAttributes)"
    )
    for name in names:
        row = (".youtube.com", name, f"canary-{name}", "/", LATER, 1, "")
        connection.execute("INSERT INTO moz_cookies VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    other = ("example.org", "x", "canary\tand\nmore", "/", LATER, 1, "")
    connection.execute("INSERT INTO moz_cookies VALUES (?, ?, ?, ?, ?, ?, ?)", other)
    connection.commit()
    connection.close()
    return folder


def test_a_browsers_cookies_are_read_once_as_text(tmp_path: Path, capfd) -> None:
    profile = make_firefox_profile(tmp_path, SESSION)
    text = find_cookies(DownloadConfig(cookies_from_browser=f"firefox:{profile}"))
    assert text.startswith("# Netscape HTTP Cookie File")
    assert ".youtube.com\tTRUE\t/\tTRUE\t2000000000\tSAPISID\tcanary-SAPISID" in text
    printed = capfd.readouterr()
    assert "canary" not in printed.out + printed.err


def test_a_browser_that_is_not_signed_in_is_refused(tmp_path: Path) -> None:
    profile = make_firefox_profile(tmp_path, ["SID"])
    with pytest.raises(ConfigError, match=r"cookies_from_browser: .*no session.*sign in") as caught:
        find_cookies(DownloadConfig(cookies_from_browser=f"firefox:{profile}"))
    assert "canary" not in str(caught.value)


def test_a_browser_without_cookies_is_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"download\.cookies_from_browser: .*firefox"):
        find_cookies(DownloadConfig(cookies_from_browser=f"firefox:{tmp_path / 'none'}"))


def test_a_guest_has_none() -> None:
    assert find_cookies(DownloadConfig()) is None
