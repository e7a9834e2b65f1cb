import pytest

from ec2spawner.launch.user_data import preloaded, user_data_of
from ec2spawner.settings import LaunchSettings

from ..claim.test_user_data import read_config, script_of


def settings(**traits):
    return LaunchSettings(user_account="ada", server_path=["/opt/bin"], **traits)


@pytest.mark.parametrize("cmd", ["jupyterhub-singleuser", "/opt/bin/jupyter-labhub"])
def test_a_machine_is_told_which_server_it_may_import_ahead(cmd):
    data = user_data_of(settings(user_uid=1500), [cmd, "--debug"], "url", "l", "n")
    config = read_config(script_of(data))
    told = {"account": "ada", "uid": 1500, "program": cmd, "path": ["/opt/bin"]}
    assert config["preload"] == told


@pytest.mark.parametrize(
    "traits, cmd",
    [
        ({}, []),
        ({}, ["/usr/local/bin/start.sh", "jupyterhub-singleuser"]),
        ({"preload_server": False}, ["jupyterhub-singleuser"]),
        # It may install another Jupyter.
        ({"setup_script": "#!/bin/sh"}, ["jupyterhub-singleuser"]),
    ],
)
def test_what_could_be_another_server_by_then_is_started_plainly(traits, cmd):
    assert preloaded(settings(**traits), cmd) is None
    data = user_data_of(settings(**traits), cmd, "url", "launch", "nonce")
    assert "preload" not in read_config(script_of(data))
