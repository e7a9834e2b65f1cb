"""A machine with a way out to a package registry: what it reaches, what it keeps."""

import pytest

from ..localec2.registry import WHEEL, make_index, registry

INSTALL = "/opt/jupyter/bin/pip download -q --no-deps -d /srv/wheels snowpack"
FETCH = """
import urllib.request
print(urllib.request.urlopen("http://{}/", timeout=20).read())
"""
AROUND = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"


def as_a_service(guest, *command):
    """What a command says that has what the machine gives its services, no more."""
    run = ["systemd-run", "--quiet", "--pipe", "--wait"]
    return guest.run(*run, "sh", "-c", '"$@" 2>&1', "-", *command, check=False)


@pytest.fixture
def index(tmp_path):
    make_index(tmp_path / "index")
    with registry(tmp_path / "index") as place:
        yield place


@pytest.mark.slow
def test_a_machine_installs_from_a_registry_on_the_list_and_reaches_nothing_else(
    here, index
):
    url = f"http://{index}/simple/"
    here.control.change_settings(outside=[index], index_urls=[url])
    first = here.launch()
    guest = here.booted(first)
    assert as_a_service(guest, "sh", "-c", INSTALL) == ""
    assert guest.run("ls /srv/wheels") == WHEEL
    other = index.replace("127.0.0.2", "127.0.0.3")
    said = as_a_service(guest, "python3", "-c", FETCH.format(other))
    assert "403: Forbidden" in said
    # Around the proxy there is no way at all.
    assert "unreachable" in as_a_service(guest, "python3", "-c", AROUND)
    # An image made here does not tell machines elsewhere of our proxy.
    here.control.change_settings(outside=[], index_urls=[])
    image = here.image(first, "built with a way out", NoReboot=True)
    second = here.booted(here.launch(ImageId=image))
    assert second.run("ls /srv/wheels") == WHEEL
    assert "proxy" not in as_a_service(second, "env").lower()
