"""What is taken for true of the live site: seen, counted, and told where it is not so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from world import run_installed

from audioset_dl.doctor.assumptions import ASSUMPTIONS, MOST_REQUESTS, VIDEOS
from audioset_dl.simulator import Simulator, Video

pytestmark = pytest.mark.e2e

NAMES = [name for name, *_ in ASSUMPTIONS]
SHORT, LONG, TRACKS = VIDEOS

# For each assumption: the fields of the videos with which it does not hold.
BROKEN = {
    "clients": {SHORT: {"behaviour": "session:no_urls"}},
    "requests": {SHORT: {"behaviour": "ok:kids"}},
    "script": {SHORT: {"behaviour": "session:challenge"}},
    "range": {SHORT: {"faults": ("full_200",)}},
    "index": {LONG: {"packing": "no_index"}},
    "length": {LONG: {"behaviour": "ok:wrong_length"}},
    "same": {SHORT: {"faults": ("", "other_sound")}},
    "language": {TRACKS: {"sound": "dub_only"}},
    "expiry": {SHORT: {"behaviour": "ok:short_lived"}},
}


def site(changes: dict[str, dict] | None = None) -> Simulator:
    changes = changes or {}
    plain = {
        SHORT: {"duration_s": 60.0},
        LONG: {"duration_s": 3700.0},
        TRACKS: {"duration_s": 60.0, "sound": "dubs"},
    }
    return Simulator(
        [Video(ytid, **{**fields, **changes.get(ytid, {})}) for ytid, fields in plain.items()]
    )


def doctor(folder: Path, simulator: Simulator, *arguments: str):
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump({"download": {"proxies": [simulator.address], "verify_tls": False}})
    )
    return run_installed("doctor", config, "--assumptions", *arguments)


@pytest.fixture(scope="module")
def well() -> Iterator[Simulator]:
    with site() as simulator:
        yield simulator


def test_all_hold_on_the_site_as_recorded(well: Simulator, tmp_path: Path) -> None:
    well.log.clear()
    told = doctor(tmp_path, well)
    assert told.returncode == 0, told.stderr + told.stdout
    assert [line.split()[0] for line in told.stdout.splitlines() if line[:1].strip()][:-1] == (
        ["holds"] * len(NAMES)
    )
    assert all(len(line) <= 80 for line in told.stdout.splitlines()[:-1])
    asked = len(well.log.requests)
    assert asked <= MOST_REQUESTS
    assert f"{asked} requests" in told.stdout


def test_the_json_names_nobody(well: Simulator, tmp_path: Path) -> None:
    told = doctor(tmp_path, well, "--json")
    document = json.loads(told.stdout)
    assert [one["name"] for one in document["assumptions"]] == NAMES
    assert set(document["versions"]) == {"audioset-dl", "yt-dlp"}
    for private in (*VIDEOS, "127.0.0.1", "http", str(tmp_path)):
        assert private not in told.stdout


@pytest.mark.parametrize("name", NAMES)
def test_each_that_does_not_hold_is_told(name: str, tmp_path: Path) -> None:
    with site(BROKEN[name]) as simulator:
        told = doctor(tmp_path, simulator, "--json")
        assert told.returncode == 1, told.stderr
        assert len(simulator.log.requests) <= MOST_REQUESTS
    results = {one["name"]: one for one in json.loads(told.stdout)["assumptions"]}
    assert results[name]["result"] == "does not hold", results


def test_what_can_not_be_asked_is_not_seen(tmp_path: Path) -> None:
    with Simulator([Video(ytid, behaviour="private") for ytid in VIDEOS]) as simulator:
        told = doctor(tmp_path, simulator, "--json")
    results = {one["name"]: one["result"] for one in json.loads(told.stdout)["assumptions"]}
    assert set(results.values()) == {"not seen", "does not hold"}
    assert results["clients"] == "does not hold"


@pytest.mark.parametrize("videos", ["abc", "jNQXAC9IVRw", "jNQXAC9IVRw,a,b"])
def test_videos_of_ones_own_are_checked(tmp_path: Path, videos: str) -> None:
    told = run_installed("doctor", "--assumptions", "--videos", videos, cwd=tmp_path)
    assert told.returncode == 2
    assert "--videos" in told.stderr
