"""Fetching the metadata files: what is taken as it is, what is downloaded, what goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import urllib3
from tqdm import tqdm

from audioset_dl.catalog import files
from audioset_dl.catalog.files import (
    CLASS_FILES,
    FILES,
    SEGMENT_FILES,
    STRONG_FILES,
    MetadataFiles,
    Progress,
    RemoteFile,
    fetch_files,
    hash_content,
    locate_file,
)
from audioset_dl.config import Config, DownloadConfig
from audioset_dl.errors import MetadataError, OutputError

DATA = Path(__file__).parents[1] / "data"
EVAL = (DATA / "eval_segments.csv").read_bytes()


@dataclass
class Proxy:
    """An HTTP proxy on the loopback that answers for all of the internet by itself."""

    address: str
    status: int = 200
    body: bytes = EVAL
    headers: dict[str, str] = field(default_factory=dict)
    content_length: int | None = None
    requests: list[str] = field(default_factory=list)
    silent: threading.Event | None = None


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            if state.silent is not None:
                state.silent.wait(10)
                return
            length = len(state.body) if state.content_length is None else state.content_length
            self.send_response(state.status)
            if length >= 0:
                self.send_header("Content-Length", str(length))
            for key, value in state.headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


class Bar:
    """Counts as tqdm does, and is falsy as a tqdm of 0 bytes is."""

    def __init__(self) -> None:
        self.total: float | None = 0
        self.n = 0
        self.closed = False

    def __bool__(self) -> bool:
        return bool(self.total)

    def update(self, n: int) -> None:
        self.n += n

    def close(self) -> None:
        self.closed = True


def fetch_metadata(
    folder: Path,
    names: list[str],
    *,
    proxy: str | None = None,
    progress: Callable[[str], Progress] | None = None,
    **download: object,
) -> MetadataFiles:
    """Fetch by a config that may name a proxy which no config.yaml could."""
    proxies = () if proxy is None else (proxy,)
    unchecked = DownloadConfig.model_construct(proxies=proxies, **download)
    config = Config(metadata={"dir": folder}).model_copy(update={"download": unchecked})
    return fetch_files(config, names, progress=progress)


def _free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_are_known() -> None:
    assert {*CLASS_FILES, *SEGMENT_FILES, *STRONG_FILES, "display_names"} == set(FILES)
    for remote in FILES.values():
        assert remote.url.endswith("/" + remote.file_name)
        assert remote.sha256 is None or len(remote.sha256) == 64


def test_a_missing_file_is_downloaded(tmp_path: Path, proxy: Proxy) -> None:
    folder = tmp_path / "made" / "metadata"
    result = fetch_metadata(folder, ["eval"], proxy=proxy.address)

    assert proxy.requests == [FILES["eval"].url]
    assert (folder / "eval_segments.csv").read_bytes() == EVAL
    assert _names(folder) == ["eval_segments.csv"]
    assert result.paths == {"eval": folder / "eval_segments.csv"}
    assert result.sha256 == {"eval": hashlib.sha256(EVAL).hexdigest()}


def test_a_file_that_is_there_is_taken_as_it_is(tmp_path: Path, proxy: Proxy) -> None:
    shutil.copy(DATA / "ontology.json", tmp_path)
    (tmp_path / "eval_segments.csv.gz").write_bytes(gzip.compress(EVAL))
    own = tmp_path / "mine.csv"
    own.write_bytes(EVAL)
    result = fetch_metadata(tmp_path, ["ontology", "eval", str(own), "eval"], proxy=proxy.address)

    assert proxy.requests == []
    assert result.paths == {
        "ontology": tmp_path / "ontology.json",
        "eval": tmp_path / "eval_segments.csv.gz",
        str(own): own,
    }
    assert result.sha256["eval"] == result.sha256[str(own)] == hashlib.sha256(EVAL).hexdigest()


def test_another_hash_than_the_known_one_is_a_warning(
    tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(DATA / "qa_true_counts.csv", tmp_path)
    own = str(DATA / "balanced_train_segments.csv")
    warnings_ = fetch_metadata(tmp_path, ["ratings", "eval", own], proxy=proxy.address).warnings

    assert len(warnings_) == 1
    assert "known: qa_true_counts.csv, eval_segments.csv;" in warnings_[0]

    known = RemoteFile(FILES["eval"].url, hashlib.sha256(EVAL).hexdigest())
    monkeypatch.setattr(files, "FILES", {**FILES, "eval": known})
    assert fetch_metadata(tmp_path, ["eval"]).warnings == ()


def test_the_plain_file_goes_before_the_compressed_one(tmp_path: Path) -> None:
    (tmp_path / "eval_segments.csv.gz").write_bytes(gzip.compress(b"old"))
    assert locate_file(tmp_path, "eval").name == "eval_segments.csv.gz"
    (tmp_path / "eval_segments.csv").write_bytes(EVAL)
    assert locate_file(tmp_path, "eval").name == "eval_segments.csv"


def test_a_file_that_is_nowhere_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(MetadataError) as caught:
        locate_file(tmp_path, "eval")

    assert FILES["eval"].url in str(caught.value)
    assert caught.value.path == tmp_path / "eval_segments.csv"


@pytest.mark.parametrize("name", ["balanced", "eval_segments.csv", "/nowhere/mine.csv", ""])
def test_an_own_file_must_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(MetadataError, match="expected one of balanced_train, eval, unbalanced"):
        fetch_metadata(tmp_path, [name])


def test_compressed_content_is_hashed_as_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(EVAL))

    assert hash_content(path) == hash_content(DATA / "eval_segments.csv")
    path.write_bytes(gzip.compress(EVAL)[:-9])
    with pytest.raises(MetadataError, match="damaged or cut short"):
        hash_content(path)


def test_a_transfer_that_the_server_compresses_is_stored_plain(
    tmp_path: Path, proxy: Proxy
) -> None:
    proxy.body = gzip.compress(EVAL)
    proxy.headers = {"Content-Encoding": "gzip"}
    fetch_metadata(tmp_path, ["eval"], proxy=proxy.address)

    assert (tmp_path / "eval_segments.csv").read_bytes() == EVAL


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"status": 404, "body": b"<html>no"}, "HTTP 404 Not Found"),
        ({"status": 503}, "HTTP 503 Service Unavailable"),
        ({"body": b"<!DOCTYPE html><html>sign in</html>"}, "a web page instead of the file"),
        ({"body": b"\xef\xbb\xbf\r\n  <html>"}, "a web page instead of the file"),
        ({"body": b""}, "the server sent an empty file"),
        ({"content_length": len(EVAL) + 100}, "the connection failed"),
        ({"status": 302, "headers": {"Location": "gopher://x/"}}, "gopher"),
        ({"headers": {"Content-Encoding": "gzip"}}, "gzip"),
        ({"content_length": -1, "headers": {"Content-Length": "many"}}, "many"),
    ],
)
def test_a_download_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, proxy: Proxy, answer: dict, cause: str
) -> None:
    for key, value in answer.items():
        setattr(proxy, key, value)
    bar = Bar()
    with pytest.raises(MetadataError) as caught:
        fetch_metadata(tmp_path, ["eval"], proxy=proxy.address, progress=lambda name: bar)

    message = str(caught.value)
    assert message.startswith(f"{FILES['eval'].url} can't be downloaded: ")
    assert cause in message
    assert message.endswith(f"run again, or download it by hand into {tmp_path}")
    assert _names(tmp_path) == []
    assert bar.closed


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, proxy: Proxy) -> None:
    proxy.silent = threading.Event()
    try:
        with pytest.raises(MetadataError, match="can't be downloaded: no answer in time"):
            fetch_metadata(tmp_path, ["eval"], proxy=proxy.address, timeout_s=0.05)
    finally:
        proxy.silent.set()


@pytest.mark.parametrize("name", ["eval", "ontology"])
def test_a_proxy_that_is_not_there_is_named_as_the_cause(tmp_path: Path, name: str) -> None:
    with pytest.raises(MetadataError) as caught:
        fetch_metadata(tmp_path, [name], proxy=f"http://127.0.0.1:{_free_port()}")

    assert "Connection refused" in str(caught.value)
    assert "the proxy can't be used" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:notaport", "http://[", "ftp://127.0.0.1:1"])
def test_a_malformed_proxy_is_no_traceback(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(MetadataError, match="can't be downloaded"):
        fetch_metadata(tmp_path, ["eval"], proxy=proxy)


def test_files_that_came_before_a_failure_are_kept(tmp_path: Path, proxy: Proxy) -> None:
    fetch_metadata(tmp_path, ["eval"], proxy=proxy.address)
    proxy.status = 404
    with pytest.raises(MetadataError):
        fetch_metadata(tmp_path, ["eval", "balanced_train"], proxy=proxy.address)

    assert _names(tmp_path) == ["eval_segments.csv"]


def test_a_folder_that_can_not_be_made_is_an_output_error(tmp_path: Path, proxy: Proxy) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"name another folder as metadata\.dir"):
        fetch_metadata(tmp_path / "file" / "metadata", ["eval"], proxy=proxy.address)


def test_an_interrupted_download_leaves_nothing(
    tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> None:
        assert path.read_bytes() == EVAL
        assert path.parent == tmp_path
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_check_kind", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_metadata(tmp_path, ["eval"], proxy=proxy.address)

    assert _names(tmp_path) == []


def test_progress_is_shown_for_each_download(tmp_path: Path, proxy: Proxy) -> None:
    bars: dict[str, Bar] = {}

    def progress(name: str) -> Bar:
        return bars.setdefault(name, Bar())

    names = ["eval", "balanced_train"]
    fetch_metadata(tmp_path, names, proxy=proxy.address, progress=progress)

    assert list(bars) == ["eval_segments.csv", "balanced_train_segments.csv"]
    for bar in bars.values():
        assert (bar.total, bar.n, bar.closed) == (len(EVAL), len(EVAL), True)


def test_tqdm_will_do_as_progress(tmp_path: Path, proxy: Proxy) -> None:
    text = io.StringIO()
    with tqdm(total=0, unit="B", file=text, mininterval=0) as bar:
        fetch_metadata(tmp_path, ["eval"], proxy=proxy.address, progress=lambda name: bar)

    assert (bar.total, bar.n) == (len(EVAL), len(EVAL))
    assert "100%" in text.getvalue()


def test_only_tls_verification_that_was_switched_off_is_quiet(
    tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict] = []
    get = requests.get

    def warn_and_get(url: str, **kwargs) -> requests.Response:
        seen.append(kwargs)
        warnings.warn("TLS", urllib3.exceptions.InsecureRequestWarning, stacklevel=1)
        return get(url, **kwargs)

    monkeypatch.setattr(requests, "get", warn_and_get)
    fetch_metadata(tmp_path, ["eval"], proxy=proxy.address, verify_tls=False, timeout_s=7)
    assert (seen[0]["verify"], seen[0]["timeout"]) == (False, 7)
    with pytest.raises(urllib3.exceptions.InsecureRequestWarning):
        fetch_metadata(tmp_path, ["indices"], proxy=proxy.address)
    assert seen[1]["verify"] is True
    monkeypatch.setattr(requests, "get", lambda url, **_: warnings.warn("else", stacklevel=1))
    with pytest.raises(UserWarning, match="else"):
        fetch_metadata(tmp_path, ["indices"], proxy=proxy.address, verify_tls=False)


def test_the_environments_proxy_is_used_where_none_is_named(
    tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.address)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    fetch_metadata(tmp_path, ["eval"])

    assert proxy.requests == [FILES["eval"].url]


def test_nothing_is_printed(
    tmp_path: Path, proxy: Proxy, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch_metadata(tmp_path, ["eval"], proxy=proxy.address)

    assert capfd.readouterr() == ("", "")
