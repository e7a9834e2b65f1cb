"""What a machine keeps to itself: from its disk, its logs, its user."""

from pathlib import Path

import pytest

from ec2spawner.claim.agent.config import read_config, script_of

RUN = "/run/ec2spawner"


@pytest.fixture
async def hub(make_hub, request):
    """A hub with homes, whose servers are JupyterLab: that writes files of its own."""
    ahead = getattr(request, "param", True)
    settings = {"home": "user", "home_size": 1, "preload_server": ahead}
    made = make_hub(settings=settings)
    await made.start()
    return made


@pytest.fixture
async def machine(hub, guest):
    """A machine with a server that is ready, and the secrets of the two."""
    await hub.ready_server("alice")
    found = guest()
    # Wherever it is.
    key = found.run("cat $(find /run -name machine-key)")
    return found, [found.ordered["JUPYTERHUB_API_TOKEN"], key]


def readable_by_the_user(guest, path):
    """Root can read it, so it is there; can the server's user?

    A file that the user may read shows that a refusal is one of the file.
    """
    guest.run("test", "-s", path)
    as_user = "runuser -u jovyan -- cat"
    assert guest.run(f"{as_user} /etc/passwd")
    said = guest.run(f"{as_user} {path} 2>&1 >/dev/null || true")
    return not said.endswith(f"{path}: Permission denied")


# A server that was imported ahead is handed its environment, which is in no file.
@pytest.mark.slow
@pytest.mark.parametrize("hub", [False], indirect=True, ids=["plain start"])
async def test_the_environment_is_roots_alone_and_on_no_disk(machine):
    guest, secrets = machine
    assert guest.run(f"stat -c '%a %U' {RUN}") == "700 root"
    for name in ("server.env", "orders", "machine-key"):
        assert guest.run(f"stat -c '%a %U' {RUN}/{name}") == "400 root", name
    assert guest.run(f"findmnt -n -o FSTYPE --target {RUN}/server.env") == "tmpfs"
    assert not readable_by_the_user(guest, f"{RUN}/server.env")
    pid = guest.main_pid("ec2spawner-server.service")
    environment = guest.run(f"tr '\\0' '\\n' < /proc/{pid}/environ")
    assert secrets[0] in environment  # so the right secret is looked for
    assert guest.run(f"stat -c %U /proc/{pid}") == "jovyan"


async def test_nothing_secret_is_on_the_disk_in_a_log_or_on_a_command_line(
    machine, hub, cloud
):
    guest, secrets = machine
    guest.run("runuser -u jovyan -- sh -c 'echo a word in the home > ~/word'")
    # What is only in memory would reach the disk at the latest now.
    guest.run("journalctl --sync; journalctl --flush; sync")
    journal = guest.run("journalctl --no-pager -o json")
    assert "claimed the orders" in journal
    commands = guest.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "agent.pyz run" in commands
    logs = guest.run("cat /var/log/cloud-init.log /var/log/cloud-init-output.log")
    assert "ec2spawner-agent.service" in logs
    texts = [commands, journal, logs, guest.console, hub.log]
    files = [path for path in guest.disk.rglob("*") if path.is_file()]
    assert guest.disk / "var/lib/ec2spawner/agent.pyz" in files
    for secret in secrets:
        for text in texts:
            assert secret not in text
    token, key = (secret.encode() for secret in secrets)
    # The key outlives a reboot. Who has it has nothing without the machine's address.
    kept = guest.disk / "var/lib/ec2spawner/machine-key"
    assert guest.run("stat -c '%a %U' /var/lib/ec2spawner") == "700 root"
    for path in files:
        content = path.read_bytes()
        assert token not in content, path
        assert key not in content or path == kept, path
    place = Path(cloud.folder) / "volumes"
    volumes = {path: path.read_bytes() for path in place.iterdir() if path.is_file()}
    assert any(b"a word in the home" in content for content in volumes.values())
    for path, content in volumes.items():
        assert token not in content, path


@pytest.mark.slow
async def test_jupyters_own_notes_of_the_token_are_in_memory_and_the_users_alone(
    machine,
):
    guest, (token, _) = machine
    folder = "/run/ec2spawner-server"
    assert guest.run(f"stat -c '%a %U' {folder}") == "700 jovyan"
    assert guest.run(f"findmnt -n -o FSTYPE --target {folder}") == "tmpfs"
    # Jupyter does write it, so this is what has to be somewhere else than on a disk.
    assert guest.run(f"grep -rl {token} {folder}")


@pytest.mark.slow
async def test_the_nonce_is_only_in_what_cloud_init_keeps_for_root(machine):
    guest, _ = machine
    kept = "/var/lib/cloud/instance/user-data.txt"
    path = guest.disk / guest.run("readlink", "-f", kept).lstrip("/")
    nonce = read_config(script_of(path.read_bytes()))["nonce"]
    assert nonce
    assert not readable_by_the_user(guest, kept)
    for name in ("cloud-init.log", "cloud-init-output.log"):
        assert nonce not in guest.run("cat", f"/var/log/{name}")
    assert nonce not in guest.run("journalctl --no-pager -o json")
    assert nonce not in guest.console
