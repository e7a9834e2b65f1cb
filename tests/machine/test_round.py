"""What a user does, on a machine that boots."""

import json

from ec2spawner.demo.visitor import Visitor

from ..hub.conftest import living

LOOK = """
import getpass, json, os
with open("/proc/1/comm") as f:
    init = f.read().strip()
print(json.dumps([getpass.getuser(), os.getuid(), os.getcwd(), init, os.getpid()]))
"""


async def test_a_user_works_in_a_kernel_on_a_booted_machine_and_leaves_nothing(
    make_hub, ec2, guest
):
    hub = make_hub()
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        steps = " ".join(e["message"] for e in await alice.ready())
        for step in (
            "is booting",
            "has found this hub",
            "Starting Jupyter",
            "Ready",
        ):
            assert step in steps
        assert "jupyter-config-data" in await alice.open_lab()
        text, _ = await alice.run_cell(LOOK)
        user, uid, folder, init, pid = json.loads(text)
        assert (user, folder, init) == ("jovyan", "/home/jovyan", "systemd")
        assert uid >= 1000
        command = guest().run("cat", f"/proc/{pid}/cmdline")
        assert "ipykernel" in command
        # cloud-init has found out by itself where it is.
        assert guest().run("cloud-id") == "aws"
        assert "DataSourceEc2Local" in guest().run("cat /run/cloud-init/result.json")
        await alice.stop()
        assert living(ec2) == []
