"""A Hub with ``internal_ssl``, and a machine that boots."""

import pytest

from ec2spawner.demo.visitor import Visitor

KEPT = "/run/ec2spawner-tls"


@pytest.mark.slow
async def test_a_booted_machine_serves_with_tls_and_its_key_is_in_memory(
    make_hub, guest
):
    hub = make_hub(encrypted=True)
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready()
        assert "jupyter-config-data" in await alice.open_lab()
        assert (await alice.run_cell("6 * 7"))[0].strip() == "42"
    machine = guest()
    for path, wanted in (
        (KEPT, "750 root jovyan"),
        (f"{KEPT}/server.pem", "440 root jovyan"),
        ("/run/ec2spawner/agent.pem", "400 root root"),
    ):
        assert machine.run(f"stat -c '%a %U %G' {path}") == wanted
        assert machine.run(f"findmnt -n -o FSTYPE --target {path}") == "tmpfs"
    key = machine.run(f"sed -n 2p {KEPT}/server.pem").encode()
    files = [path for path in machine.disk.rglob("*") if path.is_file()]
    assert machine.disk / "var/lib/ec2spawner/agent.pyz" in files
    assert not [path for path in files if key in path.read_bytes()]
