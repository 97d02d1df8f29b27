"""Injures long runs on the simulator and tells what became of them: `scripts/bench faults`.

What the tests try in the small is tried here in the large. Time is scaled: where YouTube locks an
address out for an hour and the program first pauses a minute, here it is half a minute and half a
second.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench_processes import Sampler
from bench_runs import (
    CLIP_S,
    LONGEST_RUN_S,
    make_world,
    read_result,
    run,
    started,
    wait_until,
    write_config,
)
from bench_table import add_write_option, check_marks, make_table, write_between_marks
from crash import Watcher, kill_again_and_again, leftovers, timeless_rows
from world import World, wait_for

from audioset_dl.simulator import Budget, RandomFaults

MARKS = "faults"
STORMS = {"429 on everything": "http_429", "429 with Retry-After: 0 on everything": "http_429:now",
          "“not a bot” on everything": "bot_check",
          "403 on all media": "session:media"}  # fmt: skip
MOST_VISITS = 12
FIRST_PAUSE_S = 0.5
PACE_OVER_S = 5.0
LATENESS_S = 2.0
"""A pause that doubles is at most as long as the storm so far, and a little."""
WARM_CLIPS = 48
"""Of an undisturbed run that shows what a clip takes."""
MEDIA_FAULTS = ("http_503", "http_403", "http_429", "reset", "reset:-1", "truncate", "wrong_range",
                "html_200")  # fmt: skip
BROKEN = ("reset:head", "reset:0", "reset:1", "reset", "reset:-1", "truncate:0", "truncate:1",
          "truncate", "truncate:-1", "stall:head", "stall:0", "stall:1000", "trickle")  # fmt: skip
BROKEN_EACH = 4
"""Of each kind: twice on the first request for media of a clip, twice on the second."""
BROKEN_TIMEOUT_S = 2
LONGEST_BROKEN_S = 600
MOST_TRIES = 20
MOST_SILENT = 4
"""Time-outs that a silent address costs the run at most."""
LONGEST_ANSWER_S = 3 * BROKEN_TIMEOUT_S
ROOT = Path(__file__).resolve().parent.parent
GONE_EACH = 7
"""Every so many-th video of the soak is gone."""


@dataclass(frozen=True)
class Row:
    """What a scenario came to."""

    scenario: str
    must_hold: str
    measured: str
    holds: bool


def main() -> None:
    options = parse_options()
    check_marks(options.write, MARKS)
    rows = []
    for name in options.scenarios or SCENARIOS:
        for row in SCENARIOS[name](options):
            print(f"{row.scenario}: {row.measured}: {verdict(row)}", file=sys.stderr)
            rows.append(row)
    table = tell(rows, options)
    print(table)
    if options.write:
        write_between_marks(options.write, MARKS, table)
    sys.exit(not all(row.holds for row in rows))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench faults", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help=f"of {', '.join(SCENARIOS)} (default: all)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    parser.add_argument("--kill-clips", type=int, default=300)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--kill-rtt-ms", type=float, default=50, help="more kills want slower runs")
    parser.add_argument("--random-clips", type=int, default=1000)
    parser.add_argument("--random-share", type=float, default=0.1)
    parser.add_argument("--storm-s", type=float, default=30)
    parser.add_argument("--storm-pace", type=float, default=5, help="clips a second around storms")
    parser.add_argument("--outage-s", type=float, default=60)
    parser.add_argument("--broken-clips", type=int, default=400)
    parser.add_argument("--silent-clips", type=int, default=400)
    parser.add_argument("--budget-clips", type=int, default=1000)
    parser.add_argument("--budget-hour-s", type=float, default=10,
                        help="how long the hour of a lock-out lasts")  # fmt: skip
    parser.add_argument("--soak-clips", type=int, default=10_000)
    add_write_option(parser, MARKS)
    options = parser.parse_args()
    if unknown := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(unknown)}; known are {', '.join(SCENARIOS)}")
    return options


# Scenarios


def bench_kills(options: argparse.Namespace) -> Iterator[Row]:
    number = options.kill_clips
    with make_world(number, 10.0, rtt_s=options.kill_rtt_ms / 1000) as world:
        whole, killed = (write_config(world, options, name) for name in ("whole", "killed"))
        run(world, whole)
        storm = kill_again_and_again(
            world, killed, num_kills=options.kills, num_clips=number, seed=options.seed
        )
        is_same = timeless_rows(world, killed) == timeless_rows(world, whole)
        strays = world.wavs(killed) ^ set(world.files(killed))
        left = len(leftovers(world.output(killed))) + len(strays)
    most = storm.num_kills * options.workers
    yield Row(
        f"SIGKILL of all processes at {options.kills} random moments over {number} clips",
        f"same files, hashes and manifest; no invalid file at any moment; ≤ {most} fetched twice",
        f"{storm.num_kills} kills; {'the same' if is_same else 'ANOTHER'} set; "
        f"{len(storm.invalid)} of {storm.num_opened:,} opened files invalid; {left} left over; "
        f"{storm.num_fetched_twice} fetched twice",
        is_same and not storm.invalid and not left and not storm.last.returncode
        and storm.num_fetched_twice <= most,
    )  # fmt: skip


def bench_random(options: argparse.Namespace) -> Iterator[Row]:
    number, share = options.random_clips, options.random_share
    with make_world(WARM_CLIPS) as world:
        run(world, write_config(world, options))
        fixed, each = count_needed(world)
    chance = RandomFaults(share, ("http_429", "http_503"), options.seed)
    with make_world(number, random_faults=chance) as world:
        result = run(world, write_config(world, options, throttle_wait_s=0.1))
        needed = fixed + each * number
        asked = len(world.simulator.log.requests)
    ratio = asked / needed
    yield Row(
        f"{share:.0%} random 429 and 503 over {number:,} clips",
        "all got; requests ≤ 1.3 times those needed",
        f"{result}; {ratio:.2f} times ({asked:,} for {needed:,.0f})",
        result.is_all and ratio <= 1.3,
    )


def bench_storms(options: argparse.Namespace) -> Iterator[Row]:
    for name, behaviour in STORMS.items():
        yield weather_storm(name, behaviour, options)


def weather_storm(name: str, behaviour: str, options: argparse.Namespace) -> Row:
    """Let a storm break out once a third of the clips are saved."""
    before = round(options.storm_pace * 2 * PACE_OVER_S)
    number = before * 4
    with make_world(number) as world:
        config = write_config(world, options, throttle_wait_s=FIRST_PAUSE_S,
                              delay_s=1 / options.storm_pace)  # fmt: skip
        with (
            Watcher(world.output(config), round(CLIP_S * 16_000)) as watcher,
            started(world, config) as process,
        ):
            wait_for(lambda: watcher.num_seen >= before or process.poll() is not None)
            storm = (time.monotonic(), time.monotonic() + options.storm_s)
            world.simulator.refuse_all(behaviour)
            wait_until(storm[1], process)
            world.simulator.refuse_all(None)
            wait_until(storm[1] + LONGEST_RUN_S, process)
        during = [each for each in world.simulator.log.requests
                  if storm[0] <= each.time_s < storm[1]]  # fmt: skip
        result = read_result(world, config, process)
    kinds = {"media"} if behaviour == "session:media" else {"page", "player", "next", "media"}
    refused = sum(each.kind in kinds for each in during)
    visits = sum(each.kind == "page" for each in during)
    pace = pace_until(watcher.times, before)
    opened_s, back_s = recovery(watcher.times, storm[1], pace)
    return Row(
        f"{name} for {options.storm_s:g} s",
        f"≤ {MOST_VISITS} refused videos; 0 clips charged; all got; soon at ≥ 90 % of the pace",
        f"{refused} refused requests in {visits} visits; {result.num_charged} charged; {result}; "
        f"going on {opened_s:.1f} s after its end, at 90 % of {pace:.1f} clips/s {back_s:.1f} s "
        "later",
        visits <= MOST_VISITS and not result.num_charged and result.is_all
        and opened_s <= options.storm_s + LATENESS_S and back_s <= 2 * PACE_OVER_S,
    )  # fmt: skip


def pace_until(saved_at: Sequence[float], number: int) -> float:
    """Return the clips a second before the storm.

    Without the first ones, which come all at once when the workers have warmed up.
    """
    settled = number // 2
    if len(saved_at) < number:
        return float("nan")
    return (number - 1 - settled) / (saved_at[number - 1] - saved_at[settled])


def recovery(saved_at: Sequence[float], over_at: float, pace: float) -> tuple[float, float]:
    """Return how long after a storm clips are saved again, and how long after that at the pace."""
    after = [at for at in saved_at if at > over_at]
    if not after:
        return float("inf"), float("inf")
    enough = 0.9 * pace * PACE_OVER_S
    for number, at in enumerate(after):
        if len([other for other in after[number:] if other < at + PACE_OVER_S]) >= enough:
            return after[0] - over_at, at - after[0]
    return after[0] - over_at, float("inf")


def bench_offline(options: argparse.Namespace) -> Iterator[Row]:
    """Take the proxy away, as a router that is switched off."""
    before = round(options.storm_pace * 2 * PACE_OVER_S)
    with make_world(before * 4) as world:
        failures = world.folder / "failures"
        failures.touch()
        config = write_config(world, options, delay_s=1 / options.storm_pace)
        counted = (sys.executable, ROOT / "tests/counted.py", failures)
        with (
            Watcher(world.output(config), round(CLIP_S * 16_000)) as watcher,
            started(world, config, counted) as process,
        ):
            wait_for(lambda: watcher.num_seen >= before or process.poll() is not None)
            world.simulator.stop()
            wait_until(time.monotonic() + options.outage_s, process)
            tries, over_at = failures.stat().st_size, time.monotonic()
            world.simulator.start()
            wait_until(over_at + LONGEST_RUN_S, process)
        result = read_result(world, config, process)
    opened_s, _ = recovery(watcher.times, over_at, 0)
    yield Row(
        f"no way to the proxy for {options.outage_s:g} s",
        f"≤ {MOST_TRIES} tries; 0 clips charged; all got; going on within a minute",
        f"{tries} tries; {result.num_charged} charged; {result}; going on {opened_s:.1f} s after "
        "its end",
        tries <= MOST_TRIES and not result.num_charged and result.is_all and opened_s <= 60,
    )


def bench_broken(options: argparse.Namespace) -> Iterator[Row]:
    """Break answers off in all places, and compare with a run without that."""
    number = options.broken_clips
    seconds = []
    for faults in ((), BROKEN):
        with make_world(number, broken=faults) as world:
            began_at = time.monotonic()
            with started(
                world, write_config(world, options, timeout_s=BROKEN_TIMEOUT_S)
            ) as process:
                wait_until(began_at + LONGEST_BROKEN_S, process)
            seconds.append(time.monotonic() - began_at)
            result = read_result(world, world.folder / "config.yaml", process)
    num_slow = sum(is_slow(fault) for fault in BROKEN) * BROKEN_EACH
    share_s = num_slow * BROKEN_TIMEOUT_S / options.workers
    yield Row(
        f"resets, short bodies, stalls and trickles: {len(BROKEN)} kinds, each with {BROKEN_EACH} "
        f"of {number} clips",
        "all got within the attempts; others not slowed by more than their share",
        f"{result}; {seconds[1]:.0f} s instead of {seconds[0]:.0f} s, of which {share_s:.0f} s are "
        "the share",
        result.is_all and seconds[1] <= seconds[0] * 1.25 + share_s * 1.5 + LATENESS_S,
    )


def bench_silent(options: argparse.Namespace) -> Iterator[Row]:
    """Put a proxy beside a good one that takes connections and never answers."""
    seconds = []
    for num_silent in (0, 1):
        with make_world(options.silent_clips) as world, ExitStack() as stack:
            servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                       for _ in range(num_silent)]  # fmt: skip
            proxies = [f"http://127.0.0.1:{server.getsockname()[1]}" for server in servers]
            config = write_config(world, options, proxies=[*proxies, world.simulator.address],
                                  timeout_s=BROKEN_TIMEOUT_S)  # fmt: skip
            began_at = time.monotonic()
            result = run(world, config)
            seconds.append(time.monotonic() - began_at)
    yield Row(
        f"a proxy that never answers beside a good one, {options.silent_clips} clips",
        "all got; 0 clips charged; not slower than the good one alone by more than its time-outs",
        f"{result}; {result.num_charged} charged; {seconds[1]:.0f} s instead of {seconds[0]:.0f} s",
        result.is_all and not result.num_charged
        and seconds[1] <= seconds[0] * 1.25 + MOST_SILENT * BROKEN_TIMEOUT_S + LATENESS_S,
    )  # fmt: skip


def bench_endless(options: argparse.Namespace) -> Iterator[Row]:
    """Let some videos answer with pages without end: huge when unpacked, or a byte a second."""
    number, num_endless = options.silent_clips, 4
    seconds, results = [], []
    for faults in ((), ("bomb", "trickle")):
        with make_world(
            number, endless=[faults[n % 2] for n in range(num_endless) if faults]
        ) as world:
            config = write_config(world, options, timeout_s=BROKEN_TIMEOUT_S, attempts=2)
            began_at = time.monotonic()
            results.append(run(world, config))
            seconds.append(time.monotonic() - began_at)
    result = results[1]
    yield Row(
        f"pages without end: {num_endless} of {number} videos answer so, each time",
        "all others got, these wait; no longer than their attempts take",
        f"{result}; {seconds[1]:.0f} s instead of {seconds[0]:.0f} s",
        result.num_saved == number - num_endless and result.exit_code == 1
        and seconds[1] <= seconds[0] * 1.25 + num_endless * 2 * LONGEST_ANSWER_S,
    )  # fmt: skip


def is_slow(fault: str) -> bool:
    return fault.startswith(("stall", "trickle"))


def bench_budget(options: argparse.Namespace) -> Iterator[Row]:
    number, hour_s = options.budget_clips, options.budget_hour_s
    capacity = 60
    budget = Budget(capacity, capacity / hour_s, hour_s)
    with make_world(number, budget=budget) as world:
        pause_s = hour_s / 60
        result = run(world, write_config(world, options, throttle_wait_s=pause_s))
        pages = world.simulator.log.select(kind="page")
    seconds = pages[-1].time_s - pages[0].time_s
    used = budget.num_admitted / (capacity + seconds * capacity / hour_s)
    yield Row(
        f"a guest budget not known to the program: {capacity} videos an hour of {hour_s:g} s, "
        f"locked out for as long and longer when asking; {number} clips",
        "all got; ≥ 80 % of the budget used",
        f"{result}; {used:.0%} of the budget in {seconds:.0f} s; "
        f"{budget.num_refused} requests refused",
        result.is_all and used >= 0.8,
    )


def bench_soak(options: argparse.Namespace) -> Iterator[Row]:
    number = options.soak_clips
    chance = RandomFaults(0.05, MEDIA_FAULTS, options.seed)
    with make_world(number, gone_each=GONE_EACH, random_faults=chance) as world:
        config = write_config(world, options, throttle_wait_s=0.1, attempts=20)
        began_at = time.monotonic()
        with started(world, config) as process, Sampler(process.pid) as sampler:
            process.wait()
        minutes = (time.monotonic() - began_at) / 60
        result = read_result(world, config, process)
    early, late = sampler.tenths(1), sampler.tenths(9)
    yield Row(
        f"soak: {number:,} clips, every {GONE_EACH}th gone, 5 % random faults of "
        f"{len(MEDIA_FAULTS)} kinds",
        "memory, descriptors, threads and children flat from the second tenth to the last",
        f"{result} in {minutes:.0f} min; "
        + "; ".join(f"{name} {early[name]:.0f} → {late[name]:.0f}" for name in early),
        result.is_all and is_flat(early, late),
    )


def count_needed(world: World) -> tuple[int, float]:
    """Return how many requests an undisturbed run takes once, and how many a clip."""
    kinds = Counter(request.kind for request in world.simulator.log.requests)
    fixed = kinds["script"]
    return fixed, (kinds.total() - fixed) / len(world.clips)


def is_flat(early: dict[str, float], late: dict[str, float]) -> bool:
    """Tell whether nothing grew by more than a twentieth and a little.

    Pipes to ffmpeg come and go: a leak over thousands of clips would show all the same.
    """
    slack = {"MB": 10.0, "descriptors": 10.0}
    return all(late[name] <= early[name] * 1.05 + slack.get(name, 2) for name in early)


SCENARIOS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "kills": bench_kills,
    "random": bench_random,
    "storms": bench_storms,
    "offline": bench_offline,
    "broken": bench_broken,
    "silent": bench_silent,
    "endless": bench_endless,
    "budget": bench_budget,
    "soak": bench_soak,
}


# Telling


def verdict(row: Row) -> str:
    return "ok" if row.holds else "**FAILED**"


def tell(rows: Sequence[Row], options: argparse.Namespace) -> str:
    cells = [(row.scenario, row.must_hold, row.measured, verdict(row)) for row in rows]
    table = make_table(("fault", "must hold", "measured", ""), cells, align="llll")
    return f"{table}\n\n{date.today():%B %Y}; {options.workers} workers; {os.cpu_count()} cores."


if __name__ == "__main__":
    main()
