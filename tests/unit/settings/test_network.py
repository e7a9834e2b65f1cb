import pytest

from ec2spawner.settings.network import machines_url, why_unreachable


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://:8081/hub/api",
        "http://0.0.0.0:8081/hub/api",
        "http://[::]:8081/hub/api",
        "http://127.0.0.1:8081/hub/api",
        "http://127.0.1.1:8081/hub/api",
        "http://[::1]:8081/hub/api",
        "http://localhost:8081/hub/api",
    ],
)
def test_a_hub_url_that_no_machine_can_reach_is_refused_with_the_remedy(url):
    assert "hub_connect_ip" in why_unreachable(url, endpoint_url="")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.5:8081/hub/api", "https://hub.example.org/hub/api"]
)
def test_an_address_that_machines_may_reach_is_accepted(url):
    assert why_unreachable(url, endpoint_url="") is None


def test_machines_of_a_local_ec2_reach_this_computer_itself():
    hub = "http://127.0.0.1:8081/hub/api"
    assert why_unreachable(hub, "http://127.0.0.1:5000") is None
    assert why_unreachable(hub, "https://ec2.us-west-2.amazonaws.com") is not None


def test_no_address_at_all_is_refused_even_there():
    assert why_unreachable("http://0.0.0.0:8081", "http://127.0.0.1:5000")


@pytest.mark.parametrize(
    "hub_url, port, encrypted, url",
    [
        ("http://10.0.0.5:8081/hub/api", 0, False, "http://10.0.0.5:8081/hub/api"),
        ("http://10.0.0.5:8081/hub/api", 8082, False, "http://10.0.0.5:8082/hub/api"),
        ("https://10.0.0.5:8081/j/hub/api", 9, True, "https://10.0.0.5:9/j/hub/api"),
        ("https://[fd00::5]:8081/hub/api", 9, True, "https://[fd00::5]:9/hub/api"),
    ],
)
def test_machines_are_told_their_own_port_at_the_hubs_address(
    hub_url, port, encrypted, url
):
    assert machines_url(hub_url, port, encrypted) == url
