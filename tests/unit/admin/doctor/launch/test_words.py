from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.launch.desk import Claimed
from ec2spawner.admin.doctor.launch.words import Seen, judge
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.ec2.machines import Machine

from ..well import wants

MACHINE = Machine("i-1", "running", private_ip="10.0.1.7")
WELL = Seen("t3.small", MACHINE, "", Claimed("10.0.1.7", 700), 41.2, True)


def said(seen, **settings):
    wanted = wants(**settings)
    return list(judge(wanted, wanted.variants[0], seen))


def test_a_launch_that_went_well_is_a_line():
    (check,) = said(WELL)
    assert check.verdict is Verdict.OK
    assert check.says == "t3.small i-1 claimed after 41 s, and is ended"


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
    ],
)
def test_how_far_it_came_is_told(changes, says):
    found = said(replace(WELL, **changes))
    assert found[0].verdict is Verdict.PROBLEM and says in found[0].says
    assert found[0].why and found[0].fix


def test_ports_may_be_anybodys_where_the_settings_say_so():
    seen = replace(WELL, claimed=Claimed("10.0.1.7", 40000))
    assert said(seen, claims_as_root=False)[0].verdict is Verdict.OK


def test_an_address_of_both_kinds_is_one():
    seen = replace(WELL, claimed=Claimed("::ffff:10.0.1.7", 700))
    assert said(seen)[0].verdict is Verdict.OK
