"""What the people on a machine are told, where agent and server are two accounts."""

import json

import pytest

from ..hub.conftest import eventually, living

PEOPLE = "/run/ec2spawner-people"


@pytest.mark.slow
async def test_agent_and_server_leave_word_and_neither_writes_the_others(
    make_hub, guest, ec2
):
    hub = make_hub(settings={"market": "spot"})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()

    def read(name):
        return json.loads(machine.run(f"cat {PEOPLE}/{name} 2>/dev/null || echo {{}}"))

    assert machine.run(f"findmnt -n -o FSTYPE --target {PEOPLE}") == "tmpfs"
    ours = f"find {PEOPLE} -path {PEOPLE}/said -prune -o -type"
    assert machine.run(f"{ours} f -printf '%m %u\\n' | sort -u") == "444 root"
    assert machine.run(f"{ours} d -printf '%m %u\\n' | sort -u") == "755 root"
    assert machine.run(f"stat -c '%a %U' {PEOPLE}/said") == "700 jovyan"
    assert read("told.json")["bar"] == "Small"

    # The server has found the kit, and says what it knows.
    said = eventually(lambda: read("said/said.json"), 60)
    assert said["kernels"] == [] and said["human"] == 0
    assert machine.run(f"stat -c %U {PEOPLE}/said/said.json") == "jovyan"
    for path in ("told.json", "new", "kit/server/new"):
        line = f"runuser -u jovyan -- sh -c 'echo x > {PEOPLE}/{path}' 2>&1 || true"
        assert machine.run(line).endswith("Permission denied")

    (there,) = living(ec2)
    ec2.spot_notice(there.instance_id, seconds=600)
    notices = eventually(lambda: read("told.json")["notices"], 60)
    assert notices[0]["text"].startswith("AWS takes this machine back at {at}")
