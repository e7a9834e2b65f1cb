"""Every call to AWS pays, whoever wrote it, and none is repeated without measure."""

import pytest

from ec2spawner.ec2.clients import Account, Clients
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.throttle import Limit, Throttle, UnknownActionError
from localec2 import Fault


@pytest.fixture
def make_clients(cloud, ec2, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    made = []

    def make(throttle=None):
        made.append(Clients(Account(cloud.region, cloud.endpoint_url), throttle))
        return made[-1]

    yield make
    for clients in made:
        clients.close()


async def test_a_call_without_figures_does_not_leave(make_clients, ec2):
    lane = make_clients().killing
    with pytest.raises(UnknownActionError):
        await lane.run("DeleteKeyPair", lambda lane: lane.ec2.delete_key_pair())
    # Nor when it hides behind another's name.
    with pytest.raises(UnknownActionError):
        await lane.run(
            "StopInstances", lambda lane: lane.ec2.delete_key_pair(KeyName="x")
        )
    assert ec2.requests("DeleteKeyPair") == []


async def test_each_page_and_each_call_of_one_errand_pays(make_clients):
    throttle = Throttle(
        {"DescribeAddresses": Limit(100, 1), "DescribeSubnets": Limit(100, 1)}
    )

    def errand(lane):
        lane.ec2.describe_addresses()
        lane.ec2.describe_addresses()
        lane.ec2.describe_subnets()

    # A clock that stands still: what has been paid stays paid.
    throttle._clock = lambda: 0.0
    await make_clients(throttle).reading.run("DescribeAddresses", errand)
    left = {name: line.requests._tokens for name, line in throttle._lines.items()}
    assert left == {"DescribeAddresses": 78, "DescribeSubnets": 79}


async def test_a_listing_of_everything_pays_from_awss_smaller_bucket(make_clients):
    throttle = Throttle()
    lane = make_clients(throttle).reading
    await lane.run("DescribeInstances", lambda lane: lane.ec2.describe_instances())
    assert "DescribeInstances (unfiltered)" in throttle._lines
    throttle._lines.clear()
    await lane.run(
        "DescribeInstances", lambda lane: lane.ec2.describe_instances(MaxResults=5)
    )
    assert set(throttle._lines) == {"DescribeInstances"}


def read(lane):
    return lane.ec2.describe_addresses()


async def test_a_doubtful_answer_is_asked_for_again(make_clients, ec2):
    ec2.add_fault(Fault("DescribeAddresses", error=("Unavailable", 503), times=2))
    await make_clients().reading.run("DescribeAddresses", read)
    assert len(ec2.requests("DescribeAddresses")) == 3


async def test_an_outage_is_not_multiplied(make_clients, ec2):
    ec2.add_fault(Fault("DescribeAddresses", error=("Unavailable", 503)))
    clients = make_clients()
    calls = 40
    for _ in range(calls):
        with pytest.raises(EC2Error):
            await clients.reading.run("DescribeAddresses", read)
    sent = len(ec2.requests("DescribeAddresses"))
    # Ten repetitions at least, a fifth of all calls at most; not 3 x 40.
    assert calls + 10 <= sent <= calls * 1.3 + 1


async def test_what_is_not_in_doubt_is_not_repeated(make_clients, ec2):
    ec2.add_fault(Fault("DescribeAddresses", error=("UnauthorizedOperation", 403)))
    with pytest.raises(EC2Error):
        await make_clients().reading.run("DescribeAddresses", read)
    assert len(ec2.requests("DescribeAddresses")) == 1


async def test_a_launch_is_not_repeated_here(make_clients, ec2):
    ec2.add_fault(Fault("DescribeAddresses", error=("Unavailable", 503)))
    with pytest.raises(EC2Error):
        await make_clients().launching.run("DescribeAddresses", read)
    assert len(ec2.requests("DescribeAddresses")) == 1


async def test_a_throttled_call_slows_its_own_kind_down(make_clients, ec2):
    ec2.add_fault(Fault("DescribeAddresses", error=("RequestLimitExceeded", 503)))
    throttle = Throttle()
    with pytest.raises(EC2Error):
        await make_clients(throttle).launching.run("DescribeAddresses", read)
    assert throttle.wait("DescribeAddresses") > 0
    assert throttle.wait("DescribeSubnets") == 0


async def test_what_could_be_made_twice_must_bring_its_own_token(make_clients, ec2):
    def make_volume(lane):
        lane.ec2.create_volume(AvailabilityZone="us-west-2a", Size=1)

    with pytest.raises(TypeError, match="ClientToken"):
        await make_clients().killing.run("CreateVolume", make_volume)
    assert ec2.requests("CreateVolume") == []
