from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.launch.desk import Claimed
from ec2spawner.admin.doctor.launch.words import Apart, Seen, judge
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.ec2.machines import Machine

from ..aws_words import mistakes
from ..well import FACTS, HERE, wants

MACHINE = Machine("i-1", "running", private_ip="10.0.1.7")
APART = Apart("i-2", False, True)
CLAIMED = Claimed("10.0.1.7", 700)
WELL = Seen("t3.small", MACHINE, "", CLAIMED, 41.2, True, apart=APART)


def said(seen, **settings):
    wanted = wants(**settings)
    found = list(judge(wanted, FACTS.regions[HERE], wanted.variants[0], seen))
    assert not [mistake for c in found for mistake in mistakes(c.fix)]
    return found


def test_a_launch_that_went_well_is_a_line():
    launch, apart = said(WELL)
    assert launch.verdict is apart.verdict is Verdict.OK
    assert launch.says == "t3.small i-1 claimed after 41 s, and is ended"
    assert apart.says == "i-2 does not reach its port 8888, and is ended"


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"claimed": Claimed("10.9.9.9", 700)}, "is 10.0.1.7 for EC2, and came from"),
        ({"claimed": Claimed("10.0.1.7", 40000)}, "came from port 40000"),
        ({"reached": False}, "Port 8888 of i-1 (10.0.1.7) cannot be reached"),
        ({"claimed": None}, "did not come to http://10.0.0.10:8081/hub/api"),
        (
            {"claimed": None, "machine": replace(MACHINE, state="terminated")},
            "ended before it came to the Hub: EC2 gave no reason",
        ),
        ({"machine": None, "trouble": "sold out"}, "could not be launched: sold out."),
        ({"left": "i-1"}, "Machine i-1 could not be ended."),
        ({"apart": Apart("i-2", True, True)}, "Machine i-2 reaches port 8888 of i-1"),
        ({"apart": Apart("i-2", False, False)}, "does not reach port 8081 of the Hub"),
    ],
)
def test_how_far_it_came_is_told(changes, says):
    found = said(replace(WELL, **changes))
    assert found[0].verdict is Verdict.PROBLEM and says in found[0].says
    assert found[0].why and found[0].fix


def test_a_second_machine_that_tells_nothing_is_not_known_and_no_problem():
    well, check = said(replace(WELL, apart=Apart(why="the second is sold out")))
    assert well.says == "t3.small i-1 claimed after 41 s, and is ended"
    assert check.verdict is Verdict.UNKNOWN
    assert check.says.endswith("was not tried: the second is sold out.")


def test_machines_that_are_processes_are_one_computer():
    local = {"hub": {"hub_url": "http://127.0.0.1:8081/hub/api"}}
    _, apart = said(replace(WELL, apart=Apart("i-2", True, True)), **local)
    assert apart.verdict is Verdict.OK and "processes of this computer" in apart.says


def test_ports_may_be_anybodys_where_the_settings_say_so():
    seen = replace(WELL, claimed=Claimed("10.0.1.7", 40000))
    assert said(seen, claims_as_root=False)[0].verdict is Verdict.OK


def test_an_address_of_both_kinds_is_one():
    seen = replace(WELL, claimed=Claimed("::ffff:10.0.1.7", 700))
    assert said(seen)[0].verdict is Verdict.OK
