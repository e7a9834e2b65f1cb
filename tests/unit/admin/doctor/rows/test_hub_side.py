from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.hub_side import configuration, database, hub_address

from ..well import FACTS, one, region, told, wants


def test_a_hub_that_is_well():
    assert told(configuration) == told(hub_address) == told(database) == []


def test_what_the_hub_tells_when_it_starts_is_told_now():
    facts = replace(FACTS, problems=("image is missing.",), warnings=("Idle. [idle]",))
    assert [v for v, *_ in told(configuration, facts=facts)] == [
        Verdict.PROBLEM,
        Verdict.WARNING,
    ]
    guessed = wants(hub={"unknown": ("profile_list",)})
    assert one(configuration, guessed)[0] is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "hub, facts, verdict, says",
    [
        ({"hub_address": ""}, FACTS, Verdict.PROBLEM, "is no name that can be found"),
        (
            {},
            replace(FACTS, hub_is_here=False),
            Verdict.WARNING,
            "This computer does not have the address 10.0.0.10.",
        ),
        ({}, region(hub=None), Verdict.WARNING, "No network interface in us-west-2"),
        (
            {"hub_url": "http://54.1.2.3:8081/hub/api", "hub_address": "54.1.2.3"},
            FACTS,
            Verdict.PROBLEM,
            "54.1.2.3 is a public address.",
        ),
    ],
)
def test_an_address_at_which_machines_do_not_find_the_hub_is_told(
    hub, facts, verdict, says
):
    found = one(hub_address, wants(hub=hub), facts)
    assert found[0] is verdict and says in found[1]


def test_machines_of_this_computer_find_it_on_its_loopback():
    local = {"hub_url": "http://127.0.0.1:8081/hub/api", "hub_address": "127.0.0.1"}
    assert told(hub_address, wants(hub=local), region(hub=None)) == []


def test_a_database_that_is_not_there_yet_is_made_later_and_a_broken_one_is_told():
    absent = replace(FACTS, records=Unknown("there is no /srv/jupyterhub.sqlite"))
    assert told(database, facts=absent) == []
    broken = replace(FACTS, records=Unknown("postgresql://hub@db: no such host"))
    verdict, says, _ = one(database, facts=broken)
    assert verdict is Verdict.PROBLEM and "no such host" in says
