"""What the idle culler decides, by the file that ``setup()`` gives it."""

from datetime import timedelta
from pathlib import Path

import pytest
from traitlets.config import Config, PyFileConfigLoader

import ec2spawner
from ec2spawner.core.idleness import IdlePolicy
from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Launch, Phase, ServerState


@pytest.fixture(scope="module")
def stops():
    """idle seconds, saved state -> whether the server is to stop; an hour is given."""
    c = Config()
    ec2spawner.setup(c, idle_timeout=3600, culler="service")
    (service,) = c.JupyterHub.services._extend
    named = [each for each in service["command"] if each.startswith("--config=")]
    path = Path(named[0].removeprefix("--config="))
    loaded = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()

    def ask(seconds, model):
        hook = loaded.IdleCuller.cull_arbiter_hook
        inactive = timedelta(seconds=seconds)
        return hook(inactive=inactive, inactive_limit=3600, server=model)

    return ask


def promised(idle_timeout):
    launch = Launch("s", "l", Phase.READY, idle=IdlePolicy(idle_timeout))
    return {"state": to_dict(ServerState(launch=launch))}


@pytest.mark.parametrize("own", [60.0, 1800.0, 7200.0])
def test_a_server_stops_after_the_time_that_its_launch_was_promised(stops, own):
    assert not stops(own - 1, promised(own))
    assert stops(own, promised(own))


@pytest.mark.parametrize(
    "model",
    [
        promised(0.0),
        {},
        {"state": {}},
        {"state": {"launch": None}},
        {"state": {"launch": "what?"}},
        {"state": {"launch": {"idle": "9"}}},
        {"state": {"launch": {"idle": {"idle_timeout": "9"}}}},
        {"user_options": {"idle_timeout": 9, "idle": "60-s"}},
    ],
    ids=str,
)
def test_without_a_promise_it_stops_after_the_time_of_the_hub(stops, model):
    assert not stops(3599, model)
    assert stops(3600, model)
