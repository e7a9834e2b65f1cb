"""``python -m localec2``: a local EC2 in a process of its own.

It outlives a hub that is killed. When it is ready it prints one line of JSON with
endpoint_url, region, pid, cloud_id, vpc_cidr, hub_address and folder. SIGTERM and
SIGINT end it cleanly: no machine, port or folder is left.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import threading

from .net import this_computer
from .roots.roots import kept
from .serve import LocalCloud
from .settings import LocalSettings


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m localec2", description="An EC2 on this computer."
    )
    parser.add_argument("--region", default="us-west-2")
    parser.add_argument("--port", type=int, default=0, help="default: any free port")
    parser.add_argument("--folder", help="where its own folder is made")
    parser.add_argument("--settings", default="{}", help="LocalSettings as JSON")
    parser.add_argument(
        "--outside",
        action="store_true",
        help="machines reach the package registries that this computer uses",
    )
    parser.add_argument("--ready-file", help="the JSON line is written here too")
    parser.add_argument(
        "--lifeline",
        type=int,
        help="read end of a pipe: end when its other end is closed",
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    if options.lifeline is not None:
        os.set_inheritable(options.lifeline, False)
        threading.Thread(
            target=_until_closed, args=(options.lifeline, done), daemon=True
        ).start()
    settings = json.loads(options.settings)
    if options.outside:
        settings |= this_computer.ways(kept())
    cloud = LocalCloud(
        LocalSettings.from_dict(settings),
        region=options.region,
        folder=options.folder,
        port=options.port,
    )
    with cloud:
        line = json.dumps(cloud.info())
        if options.ready_file:
            # In one step, so that nobody reads half of it.
            with open(options.ready_file + ".new", "w") as file:
                file.write(line + "\n")
            os.replace(options.ready_file + ".new", options.ready_file)
        print(line, flush=True)
        while not done.wait(3600):
            pass


def _until_closed(lifeline: int, done: threading.Event) -> None:
    while os.read(lifeline, 1):
        pass
    done.set()


if __name__ == "__main__":
    main()
