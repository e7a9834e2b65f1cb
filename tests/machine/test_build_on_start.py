"""A user names a repository on the form, and works in its kernel. Slow: it installs.

The real Hub, plan, builder and image; packages come from the registry that pip is
configured for here.
"""

import os
import sys

import pytest

from ec2spawner.demo.visitor import Visitor

from ..hub.conftest import eventually, living
from ..unit.images.git_server import git_server
from .test_build import outside  # noqa: F401

FILES = {
    "environment/requirements.txt": "six==1.16.0\n",
    "environment/runtime.txt": "python-3.11\n",
    "run.py": "import six\n",
}
LOOK = "import six, sys; print(six.__version__, sys.executable)"


@pytest.mark.slow
async def test_who_names_a_repository_works_in_its_kernel_and_so_does_the_next(
    ec2, make_hub, outside, tmp_path  # noqa: F811
):
    with git_server(tmp_path) as server:
        url = server.commit("a-lab", FILES)
        hub = make_hub(
            settings={
                "profile_list": [],
                "sizes": {"Small": "t3.small"},
                "home": "none",
                "build_sources": [f"{server.url}/*"],
                "build_instance_type": "t3.small",
            }
        )
        environment = {
            **hub.environment(),
            # pip's configuration and certificates are this computer's.
            **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_"))},
            "HOME": os.environ["HOME"],
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "GIT_SSL_CAINFO": str(tmp_path / "cert.pem"),
        }
        hub.environment = lambda: environment
        await hub.start()
        options = {"profile": "machine", "image--unlisted-choice": f"{url}@main"}
        for user in ("alice", "bob"):
            status, answer = await hub.start_server(user, options=options)
            assert status in (201, 202), answer
        for user in ("alice", "bob"):
            await hub.wait_ready(user, timeout=500)
        # Machines do not reach what is this computer's own: they start without.
        assert f"the files of {url} could not be brought" in hub.log
        actions = [request.action for request in ec2.requests()]
        assert actions.count("CreateImage") == 1 and actions.count("RunInstances") == 3
        eventually(lambda: len(living(ec2)) == 2)
        async with Visitor(hub.url, "alice", "any") as alice:
            await alice.log_in()
            text, _ = await alice.run_cell(LOOK, kernel="a-lab", timeout=120)
            assert text.split() == ["1.16.0", "/opt/envs/a-lab/bin/python"]
        steps = [
            line
            for line in hub.log.splitlines()
            if " s: " in line and "alice: " in line
        ]
        print("\n".join(steps), file=sys.stderr)
