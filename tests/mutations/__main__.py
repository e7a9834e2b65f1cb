"""``python -m tests.mutations --sample 40 --seed 0``: do the tests notice?

Each mutant is the code with one thing wrong in what decides a machine's fate. The tests
that are about its file run on a copy in a temporary folder. Who survives is shown as a
diff: a test is missing, or the line is not needed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
#: what decides a machine's fate -> the tests that are about it, in rounds: those that
#: know no more than the file, in a second or two, then those that play with it
TARGETS = {
    "ec2spawner/core/state.py": (
        "tests/unit/core/test_state.py tests/unit/core/test_events.py",
        "tests/unit/core tests/simulation/test_every_cell.py",
    ),
    "ec2spawner/core/events.py": (
        "tests/unit/core/test_events.py tests/unit/core/test_state.py",
        "tests/unit/core tests/simulation/test_every_cell.py",
    ),
    "ec2spawner/fleet/sweep_policy.py": ("tests/unit/fleet/test_sweep_policy.py",),
    "ec2spawner/launch/attempts.py": (
        "tests/unit/launch/test_attempts.py tests/unit/launch/test_attempts_ends.py "
        "tests/unit/launch/test_attempts_one_launch.py",
        "tests/unit/launch tests/ec2/test_attempts.py "
        "tests/simulation/test_order_of_events.py",
    ),
    "ec2spawner/launch/limits.py": ("tests/unit/launch/test_limits.py",),
    "ec2spawner/claim/agent/work/deadman.py": (
        "tests/claim/test_deadman.py",
        "tests/claim/test_abandoned.py",
    ),
    "ec2spawner/claim/agent/work/idle/memory.py": ("tests/idle",),
    "ec2spawner/claim/agent/work/idle/rules.py": ("tests/idle",),
    "ec2spawner/core/idleness.py": (
        "tests/unit/core/test_idleness.py",
        "tests/idle tests/unit/hub/idle",
    ),
    "ec2spawner/hub/idle/keeper.py": ("tests/unit/hub/idle",),
    "ec2spawner/server/idle/use.py": ("tests/idle tests/unit/hub/idle",),
}


def killed(copy: Path, mutant: Mutant, seconds: float) -> bool:
    """Whether a test of its file fails, or never ends. Who survives a round of tests
    meets the next."""
    source = (ROOT / mutant.file).read_text()
    (copy / mutant.file).write_text(mutant.apply(source))
    try:
        return not passes(copy, mutant.file, seconds)
    finally:
        (copy / mutant.file).write_text(source)


def passes(copy: Path, target: str, seconds: float) -> bool:
    """Whether all tests of a file pass in time."""
    return all(_passes(copy, proofs, seconds) for proofs in TARGETS[target])


def _passes(copy: Path, proofs: str, seconds: float) -> bool:
    options = ["-q", "-x", "-n0", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *proofs.split()],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return False
    # 1: tests failed; 2 and more: pytest could not even collect them.
    assert done.returncode in (0, 1, 2), done.stdout.decode()[-2000:]
    return done.returncode == 0


def diff_of(mutant: Mutant) -> str:
    source = (ROOT / mutant.file).read_text()
    changed = mutant.apply(source)
    lines = difflib.unified_diff(
        source.splitlines(), changed.splitlines(), mutant.file, mutant.what, n=1
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.mutations", description=__doc__)
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--seconds", type=float, default=600, help="for one mutant")
    parser.add_argument("--file", choices=sorted(TARGETS), help="only this one")
    options = parser.parse_args()
    targets = [options.file] if options.file else sorted(TARGETS)
    everyone = [
        m for file in targets for m in mutants_of(file, (ROOT / file).read_text())
    ]
    chance = random.Random(options.seed)
    sample = chance.sample(everyone, min(options.sample, len(everyone)))
    end = time.monotonic() + 60 * options.minutes
    tried, survivors = 0, []
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "copy"
        ignore = shutil.ignore_patterns(
            ".git", "__pycache__", "_build", ".venv", "*.egg-info"
        )
        shutil.copytree(ROOT, copy, ignore=ignore)
        for file in sorted({mutant.file for mutant in sample}):
            if not passes(copy, file, options.seconds):
                # Every mutant would be dead.
                print(f"the tests of {file} fail on the code as it is")
                return 1
        for mutant in sample:
            if time.monotonic() > end:
                break
            dead = killed(copy, mutant, options.seconds)
            tried += 1
            print(f"{'killed  ' if dead else 'SURVIVED'} {mutant}", flush=True)
            if not dead:
                survivors.append(mutant)
    for mutant in survivors:
        print("\n" + diff_of(mutant))
    print(f"\n{tried} of {len(everyone)} mutants tried, {len(survivors)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
