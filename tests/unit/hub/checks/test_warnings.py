"""What an admin is warned of when the Hub starts, and may say that they mean."""

from types import SimpleNamespace

import pytest
from jupyterhub import orm
from traitlets.config import Config

from ec2spawner import EC2Spawner
from ec2spawner.hub.checks.culler import CULLER
from ec2spawner.hub.checks.warnings import CHECKS, warnings

FINE = {
    "region": "us-west-2",
    "image": "ami-00000000",
    "security_groups": ["sg-1"],
    "subnets": ["subnet-1"],
}


@pytest.fixture
def db():
    session = orm.new_session_factory("sqlite:///:memory:")()
    session.add(orm.Group(name="hydro"))
    session.commit()
    yield session
    session.close()


@pytest.fixture
def told(db):
    def told(
        idle_timeout=3600,
        cleanup=False,
        subdomain="https://hub.example",
        config=(),
        load_groups=(),
        manage_groups=False,
        **settings,
    ):
        info = {"idle_timeout": idle_timeout}
        culler = [{"name": CULLER, "info": info}] if idle_timeout else []
        app = SimpleNamespace(
            services=culler,
            cleanup_servers=cleanup,
            subdomain_host=subdomain,
            config=Config(config),
            load_groups=dict.fromkeys(load_groups),
            authenticator=SimpleNamespace(manage_groups=manage_groups),
            db=db,
        )
        hub = SimpleNamespace(api_url="http://10.0.0.5:8081/hub/api")
        return list(warnings(EC2Spawner(hub=hub, **{**FINE, **settings}), app))

    return told


def profile(**more):
    override = {"security_groups": ["sg-1"], "subnets": ["subnet-1"]}
    return {"display_name": "A", "ec2spawner_override": override, **more}


def test_of_a_hub_that_is_set_up_nothing_is_said(told):
    assert told() == []
    assert told(idle_timeout=0) == []
    assert told(profile_list=[profile(allowed_groups=["hydro"])]) == []


@pytest.mark.parametrize(
    "what, name, sentence",
    [
        ({"idle_timeout": 0, "cleanup": True}, "setup", "setup(c) has not been called"),
        ({"security_groups": []}, "security-groups", "the VPC's default group"),
        (
            {"security_groups": [], "profile_list": [{"display_name": "A"}]},
            "security-groups",
            "the VPC's default group",
        ),
        ({"subnets": []}, "subnets", "machines are in the default VPC"),
        ({"max_machines": 0}, "limits", "max_machines is 0"),
        (
            {"profile_list": [profile(allowed_groups=["snow", "hydro"])]},
            "groups",
            "No group is named snow,",
        ),
        ({"build_allowed_groups": ["ice"]}, "groups", "No group is named ice,"),
        (
            {"config": {"Spawner": {"mem_limit": "4G"}}},
            "size",
            "c.Spawner.mem_limit limits nothing",
        ),
        ({"start_timeout": 15}, "start-timeout", "start_timeout is 15 s"),
        ({"idle_timeout": 60}, "idle-timeout", "An idle time of 60 s"),
        (
            {"region": "xx-new-1"},
            "identity",
            "machines in xx-new-1 are answered without",
        ),
        ({"subdomain": ""}, "subdomains", "subdomain_host is not set"),
        (
            {
                "profile_list": [
                    profile(
                        profile_options={
                            "gpu": {
                                "display_name": "GPU",
                                "choices": {
                                    "yes": {
                                        "display_name": "Yes",
                                        "ec2spawner_override": {"node_selector": {}},
                                    }
                                },
                            }
                        }
                    )
                ]
            },
            "kubernetes",
            "ignoring what only Kubernetes knows",
        ),
    ],
)
def test_what_is_seldom_meant_is_a_line_until_an_admin_says_that_they_mean_it(
    told, what, name, sentence
):
    (text,) = told(**what)
    assert sentence in text and text.endswith(f" [{name}]") and "\n" not in text
    assert told(**what, acknowledged=[name]) == []


def test_every_warning_has_been_seen(request):
    marks = test_what_is_seldom_meant_is_a_line_until_an_admin_says_that_they_mean_it
    (cases,) = [m for m in marks.pytestmark if m.name == "parametrize"]
    assert {name for _, name, _ in cases.args[1]} == set(CHECKS)


def test_groups_that_are_made_by_logins_or_at_the_start_are_not_missed(told):
    profiles = [profile(allowed_groups=["snow"])]
    assert told(profile_list=profiles, load_groups=["snow"]) == []
    assert told(profile_list=profiles, manage_groups=True) == []


def test_a_name_that_no_warning_has_is_a_warning(told):
    (text,) = told(acknowledged=["no-such"])
    assert "'no-such', which no warning has" in text and "subdomains" in text
