import pytest

from ec2spawner.ec2.machines import Machine
from ec2spawner.server import notices

NOON = 1_800_014_400.0


def ended(code="", message="", state="terminated"):
    machine = Machine("i-1", state, reason_code=code, reason_message=message)
    return notices.ended(machine, NOON)


@pytest.mark.parametrize(
    "code, words",
    [
        ("Client.UserInitiatedShutdown", "somebody with access to the AWS account"),
        ("Client.InstanceInitiatedShutdown", "it shut itself down"),
        ("Server.SpotInstanceTermination", "AWS took the spot machine back"),
        ("Server.ScheduledStop", "out of service"),
    ],
)
def test_who_ended_a_machine_is_said_in_words(code, words):
    told = ended(code)
    assert told.startswith(
        "The machine of your server (i-1) ended on 15 January at about 12:00 UTC: "
    )
    assert words in told


def test_what_nobody_has_words_for_is_for_the_admin():
    assert ended("Server.New", "Server.New: the roof fell in").endswith(
        "AWS's reason is in the hub's log."
    )


def test_a_stopped_machine_is_not_called_ended():
    assert "(i-1) was stopped on" in ended(
        "Client.UserInitiatedShutdown", state="stopped"
    )


def test_when_a_machine_is_taken_back_is_said_in_hours_and_minutes():
    told = notices.announced("i-1", True, "terminate 2026-11-22T16:32:05Z")
    assert "takes the machine of your server (i-1) back at 16:32 UTC" in told


@pytest.mark.parametrize("message", ["", "terminate", "T99:<b>:99Z", "16:32"])
def test_a_machine_has_no_say_in_these_words(message):
    assert "back in a moment: save" in notices.announced("i-1", True, message)
    assert "may soon take" in notices.announced("i-1", False, message)
