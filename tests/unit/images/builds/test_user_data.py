"""What a builder is given at launch."""

import gzip
import io
import json
import subprocess
import sys
import zipfile

import pytest

from ec2spawner.claim.agent.config import BUILD_MARK
from ec2spawner.claim.agent.unpack import archive
from ec2spawner.claim.user_data import LIMIT
from ec2spawner.images.builds.machine.main import JOBS, work_of
from ec2spawner.images.builds.user_data import builder_user_data, program
from ec2spawner.images.errors import ImageError

PLAN = {
    "key": "0123456789abcdef",
    "name": "hydro",
    "lock": "".join(f"package-{n}=={n}.{n * 7 % 10}.0\n" for n in range(150)),
}


def unpacked(user_data):
    """The archive that the first boot makes of it."""
    script = gzip.decompress(user_data).decode()
    assert script.startswith("#!/usr/bin/env python3\n")
    return zipfile.ZipFile(io.BytesIO(archive(script)))


def test_a_plan_of_many_packages_fits():
    packed = builder_user_data(PLAN)
    assert len(packed) < LIMIT * 0.6
    assert builder_user_data(PLAN) == packed


def test_the_program_and_the_plan_arrive():
    files = unpacked(builder_user_data(PLAN))
    names = {name.removeprefix("agent/") for name in files.namelist()}
    assert {*program(), "plan.json", "__main__.py", "unpack.py"} == names
    plan = json.loads(files.read("agent/plan.json"))
    assert plan["lock"] == PLAN["lock"] and plan["deadline"] > 0


def test_the_archive_runs(tmp_path):
    """As far as it can without a machine: it reads its plan and says its first step."""
    files = unpacked(builder_user_data(PLAN))
    path = tmp_path / "builder.pyz"
    path.write_bytes(files.fp.getvalue())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from agent import commands, main\n"
        "def work(machine): print(machine.env); raise SystemExit\n"
        "main.JOBS = {'build': (('begin', ''),)}\n"
        "main.work_of = lambda where: work\n"
        "sys.argv = ['', 'build']; main.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True
    )
    first, second = done.stdout.splitlines()
    assert first == "ec2spawner-build 0123456789ab begin 0", done.stderr
    assert second == "/opt/envs/hydro"


@pytest.mark.parametrize("job", JOBS)
def test_a_machine_has_the_files_of_its_job(job):
    files = unpacked(builder_user_data({**PLAN, "do": job})).namelist()
    for _, where in JOBS[job]:
        assert callable(work_of(where))
        assert f"agent/{where.partition('.')[0]}.py" in files
    assert set(program(job)) < set().union(*map(program, JOBS))


def test_an_agent_on_the_same_disk_knows_that_it_has_nothing_to_do():
    script = gzip.decompress(builder_user_data(PLAN)).decode()
    assert BUILD_MARK in script.splitlines()


def test_a_plan_that_is_too_large_is_refused_in_words():
    noise = "".join(f"package-{hash((n, 'x')):x}==1\n" for n in range(3000))
    with pytest.raises(ImageError, match="has 3000 packages.*Ask for fewer"):
        builder_user_data({**PLAN, "lock": noise})
