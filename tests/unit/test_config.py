import pytest
from traitlets.config import Config

import ec2spawner
from ec2spawner.config import CULLER


def test_setup_uses_the_spawner_and_a_culler_that_may_do_its_work():
    c = Config()
    ec2spawner.setup(c, idle_timeout=1800)
    assert c.JupyterHub.spawner_class == "ec2"
    (service,) = c.JupyterHub.services._extend
    assert service["name"] == CULLER
    assert service["command"][3:] == ["--timeout=1800", "--cull-every=300"]
    (role,) = c.JupyterHub.load_roles._extend
    assert role["services"] == [CULLER]
    assert "delete:servers" in role["scopes"]


def test_setup_keeps_the_services_and_roles_that_are_there():
    c = Config()
    c.JupyterHub.services = [{"name": "mine"}]
    c.JupyterHub.load_roles = [{"name": "mine"}]
    ec2spawner.setup(c)
    assert [s["name"] for s in c.JupyterHub.services] == ["mine", CULLER]
    assert [r["name"] for r in c.JupyterHub.load_roles] == ["mine", CULLER]


def test_without_a_timeout_nothing_is_culled():
    c = Config()
    ec2spawner.setup(c, idle_timeout=0)
    assert c.JupyterHub.spawner_class == "ec2"
    assert "services" not in c.JupyterHub


def test_a_negative_time_is_refused():
    with pytest.raises(ValueError, match="idle_timeout is -1"):
        ec2spawner.setup(Config(), idle_timeout=-1)
