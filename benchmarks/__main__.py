"""``python -m benchmarks``: run benchmarks by name, and keep what they find.

    python -m benchmarks                    # every one, and show what it has found
    python -m benchmarks listing lag        # some
    python -m benchmarks --quick            # tiny numbers, which show nothing
    python -m benchmarks --write listing    # keep the result, and make the page of docs

Read the ratios: the seconds are this computer's.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from . import page, results

#: in the order of the page
NAMES = (
    "start",
    "preload",
    "ready",
    "lag",
    "burst",
    "restart",
    "listing",
    "idle_calls",
    "heartbeats",
    "ec2_calls",
    "resume",
    "command_line",
)


def purpose(name: str) -> str:
    """The first line of a benchmark's docstring."""
    module = importlib.import_module(f".{name}", __package__)
    return (module.__doc__ or "").splitlines()[0]


def run_one(name: str, quick: bool) -> results.Result:
    module = importlib.import_module(f".{name}", __package__)
    return results.result(name, purpose(name), quick, module.run(quick))


def main(argv: Sequence[str] | None = None) -> None:
    named = "\n".join(f"  {name:12} {purpose(name)}" for name in NAMES)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n{named}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="all, if none is given"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny numbers: does it run?"
    )
    parser.add_argument("--write", action="store_true", help="keep the results")
    given = parser.parse_args(argv)
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    for name in given.names or NAMES:
        found = run_one(name, given.quick)
        print(f"## {name}\n\n{results.table(found)}", flush=True)
        if given.write:
            results.write(found)
    if given.write:
        page.write()


if __name__ == "__main__":
    main()
