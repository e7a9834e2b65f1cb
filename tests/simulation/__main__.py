"""``python -m tests.simulation SEED``: one random day, with all that happens in it.

``--days N`` lives through many instead, from that seed on, until ``--minutes`` are
over; ``--write FOLDER`` leaves the table of what has met there.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .many_days import command_for, live_many, quiet, seeds_for
from .random_days import live_through, plan
from .virtual_world import one_cloud


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--only", help="numbers of the steps that are played")
    parser.add_argument("--shorten", action="store_true", help="drop needless steps")
    parser.add_argument("--days", type=int, help="how many, from that seed on")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--write", type=Path, help="a folder for the table")
    options = parser.parse_args()
    with quiet(), one_cloud() as make:
        return many(make, options) if options.days else one(make, options)


def one(make, options: argparse.Namespace) -> int:  # type: ignore[no-untyped-def]
    day = plan(options.seed)
    if options.only:
        day = day.only([int(n) for n in options.only.split(",") if n != "none"])
    if options.shorten:
        print(command_for(make, day))
        return 0
    worlds = []

    def world(seed: int):  # type: ignore[no-untyped-def]
        worlds.append(make(seed))
        return worlds[-1]

    try:
        live_through(world, day)
    finally:
        for hub in day.hubs:
            print(hub)
        print(worlds[-1].trace)
        print(f"trace {worlds[-1].trace.digest}")
    return 0


def many(make, options: argparse.Namespace) -> int:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 60 * options.minutes

    def in_time(seeds: Iterator[int]) -> Iterator[int]:
        return itertools.takewhile(lambda _: time.monotonic() < end, seeds)

    # The first three quarters as they come; then what aims at what was never met.
    first = options.days * 3 // 4
    seeds = range(options.seed, options.seed + first)
    days = live_many(make, in_time(iter(seeds)))
    left = itertools.islice(seeds_for(days.met, seeds.stop), options.days - first)
    rest = live_many(make, in_time(left))
    days.met.add(rest.met)
    days.wrong |= rest.wrong
    days.lived += rest.lived
    days.virtual += rest.virtual
    days.real += rest.real
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / "simulation.md").write_text(f"{days}\n\n{days.met.table()}")
    print(days)
    return bool(days.wrong)


if __name__ == "__main__":
    sys.exit(main())
