"""How long a machine asks for its orders."""

import pytest

from ec2spawner.claim.agent import hub
from ec2spawner.claim.agent.words import Failed

CONFIG = {
    "launch_id": "l",
    "nonce": "n",
    "claim_timeout": 100,
    "hub_api_url": "http://hub/api",
}


@pytest.fixture
def asking(monkeypatch):
    """A machine, and a list of what the Hub is going to answer."""
    answers, clock = [], [0.0]

    def sleep(seconds):
        clock[0] += seconds

    def request(*what, **how):
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            raise OSError("no route")
        return answer, b"{}"

    monkeypatch.setattr(hub.time, "sleep", sleep)
    monkeypatch.setattr(hub.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(hub, "request", request)
    return hub.Hub(CONFIG, "10.0.0.1", "key"), answers


@pytest.mark.parametrize("passing", [403, 404, 429, 500, 503, None])
def test_what_may_pass_is_asked_again(asking, passing):
    """403: the Hub may not have seen the machine's address at EC2 yet."""
    machine, answers = asking
    answers += [passing, passing, 200]
    assert machine.claim() == {}


@pytest.mark.parametrize("final", [400, 409])
def test_a_refusal_is_not_asked_again(asking, final):
    machine, answers = asking
    answers += [final, 200]
    with pytest.raises(Failed, match="refused the claim"):
        machine.claim()
    assert answers == [200]


def test_what_does_not_pass_ends_within_the_limit(asking):
    machine, answers = asking
    answers += [403]
    with pytest.raises(Failed, match="no answer to the claim"):
        machine.claim()
