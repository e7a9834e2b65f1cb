import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

import ec2spawner
from ec2spawner.config import CULLER
from ec2spawner.hub.pages.facts import CullerTimes, culler_times


def test_setup_uses_the_spawner_and_a_culler_that_may_do_its_work():
    c = Config()
    ec2spawner.setup(c, idle_timeout=1800, culler="service")
    assert c.JupyterHub.spawner_class == "ec2"
    assert "idle_timeout" not in c.EC2Spawner
    (service,) = c.JupyterHub.services._extend
    assert service["name"] == CULLER
    assert service["command"][3:5] == ["--timeout=1800", "--cull-every=300"]
    (role,) = c.JupyterHub.load_roles._extend
    assert role["services"] == [CULLER]
    assert "delete:servers" in role["scopes"]


def test_with_internal_ssl_the_service_asks_the_hub_by_tls():
    c = Config()
    c.JupyterHub.internal_ssl = True
    c.JupyterHub.internal_certs_location = "/srv/certificates"
    ec2spawner.setup(c, culler="service")
    (service,) = c.JupyterHub.services._extend
    wanted = ["--ssl-enabled", "--internal-certs-location=/srv/certificates"]
    assert service["command"][-2:] == wanted


@pytest.mark.parametrize("max_age", [0, 86400])
def test_pages_know_when_servers_stop_from_setup_and_from_nobody_else(max_age):
    def services(c):
        return JupyterHub(config=c).services

    c = Config()
    ec2spawner.setup(c, idle_timeout=1800, max_age=max_age, culler="service")
    assert culler_times(services(c), CULLER) == CullerTimes(1800, max_age)
    c.JupyterHub.services = [{"name": "mine", "command": ["x", "--timeout=9"]}]
    assert culler_times(services(c), CULLER) == CullerTimes()


def test_setup_keeps_the_services_and_roles_that_are_there():
    c = Config()
    c.JupyterHub.services = [{"name": "mine"}]
    c.JupyterHub.load_roles = [{"name": "mine"}]
    ec2spawner.setup(c, culler="service")
    assert [s["name"] for s in c.JupyterHub.services] == ["mine", CULLER]
    assert [r["name"] for r in c.JupyterHub.load_roles] == ["mine", CULLER]


def test_setup_has_the_hub_itself_stop_servers_and_adds_no_service():
    c = Config()
    ec2spawner.setup(c, idle_timeout=1800, max_age=86400)
    assert c.JupyterHub.spawner_class == "ec2"
    assert (c.EC2Spawner.idle_timeout, c.EC2Spawner.max_age) == (1800, 86400)
    assert "services" not in c.JupyterHub and "load_roles" not in c.JupyterHub


def test_setup_leaves_an_idle_time_alone_that_was_set():
    c = Config()
    c.EC2Spawner.idle_timeout = 600
    ec2spawner.setup(c)
    assert (c.EC2Spawner.idle_timeout, c.EC2Spawner.max_age) == (600, 0)


@pytest.mark.parametrize("culler", ["machine", "service"])
def test_without_a_timeout_nothing_is_stopped(culler):
    c = Config()
    ec2spawner.setup(c, idle_timeout=0, culler=culler)
    assert c.JupyterHub.spawner_class == "ec2"
    assert "services" not in c.JupyterHub
    assert not c.EC2Spawner.get("idle_timeout")


def test_a_culler_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="culler is 'mine'"):
        ec2spawner.setup(Config(), culler="mine")


def test_a_negative_time_is_refused():
    with pytest.raises(ValueError, match="idle_timeout is -1"):
        ec2spawner.setup(Config(), idle_timeout=-1)


def hub_with(change=lambda c: None, after=lambda c: None):
    c = Config()
    change(c)
    ec2spawner.setup(c)
    after(c)
    return JupyterHub(config=c)


def test_a_hub_that_is_stopped_leaves_machines_alone_unless_its_admin_wants_it():
    def ends_them(c):
        c.JupyterHub.cleanup_servers = True

    assert JupyterHub().cleanup_servers is True
    assert hub_with().cleanup_servers is False
    assert hub_with(ends_them).cleanup_servers is True
    assert hub_with(after=ends_them).cleanup_servers is True


def test_as_many_may_start_at_once_as_have_time_to_wait_in_line_for_aws():
    def few(c):
        c.JupyterHub.concurrent_spawn_limit = 7

    assert hub_with().concurrent_spawn_limit == 500
    assert hub_with(few).concurrent_spawn_limit == 7


def test_pages_of_ours_are_found_before_jupyterhubs_own_and_behind_an_admins():
    def own(c):
        c.JupyterHub.template_paths = ["/srv/templates"]

    first, second = hub_with().template_paths
    assert first.endswith("ec2spawner/hub/pages/templates")
    assert second == JupyterHub().template_paths[0]
    assert hub_with(own).template_paths == ["/srv/templates", first]
