"""Every call to AWS pays, whoever wrote it, and none is repeated without measure."""

import time

import boto3
import pytest
from prometheus_client import REGISTRY

from ec2spawner.ec2.clients import Account, Clients, Session
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.table import CREDENTIALS
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


# Credentials.

EXPIRED = [("ExpiredToken", 400), ("RequestExpired", 400)]


@pytest.fixture
def no_credentials(monkeypatch, tmp_path):
    """A computer on which boto3 finds none; returns what gives it some."""

    def give():
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return give


async def test_a_role_that_is_attached_later_is_picked_up_by_every_lane(
    make_clients, no_credentials
):
    clients = make_clients()
    # What the lanes have found out meanwhile was by this clock, too.
    now = time.monotonic()
    clients.session._clock = lambda: now
    lanes = (clients.launching, clients.reading, clients.killing)
    clients.session.renew(clients.session.number)
    for lane in lanes:
        with pytest.raises(EC2Error) as caught:
            await lane.run("DescribeAddresses", read)
        assert caught.value.meaning is CREDENTIALS
    no_credentials()
    now += 60
    for lane in lanes:
        await lane.run("DescribeAddresses", read)


@pytest.mark.parametrize("code, status", EXPIRED)
async def test_credentials_that_have_expired_are_looked_for_again_once(
    make_clients, ec2, code, status
):
    lane = make_clients().launching
    ec2.add_fault(Fault("DescribeAddresses", error=(code, status), times=1))
    await lane.run("DescribeAddresses", read)
    assert len(ec2.requests("DescribeAddresses")) == 2
    ec2.clear_requests()
    ec2.add_fault(Fault("DescribeAddresses", error=(code, status)))
    with pytest.raises(EC2Error) as caught:
        await lane.run("DescribeAddresses", read)
    assert caught.value.meaning is CREDENTIALS
    assert len(ec2.requests("DescribeAddresses")) == 2


async def test_who_finds_credentials_expired_finds_those_for_all_lanes(
    make_clients, ec2, monkeypatch
):
    clients = make_clients()
    await clients.killing.run("DescribeAddresses", read)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-next")
    ec2.add_fault(Fault("DescribeAddresses", error=EXPIRED[0], times=1))
    await clients.reading.run("DescribeAddresses", read)
    signed = clients.killing.ec2._request_signer._credentials.access_key
    assert signed == "the-next"


def test_a_slow_metadata_service_is_asked_as_often_as_it_takes(monkeypatch):
    made = {}

    class Core(boto3.Session):
        def __init__(self, botocore_session, region_name):
            super().__init__(botocore_session=botocore_session, region_name=region_name)
            made["core"] = botocore_session

    monkeypatch.setattr("ec2spawner.ec2.clients.boto3.Session", Core)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    Session(Account("us-west-2"))._with_credentials()
    ask = made["core"].get_config_variable
    assert ask("metadata_service_num_attempts") == 5
    assert ask("metadata_service_timeout") == 2


async def test_a_profile_that_is_not_there_is_told_as_such(make_clients, monkeypatch):
    lane = make_clients().reading
    lane._session.renew(lane._session.number)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(EC2Error) as caught:
        await lane.run("DescribeAddresses", read)
    assert caught.value.code == "ProfileNotFound"
    assert caught.value.meaning is CREDENTIALS


def test_the_endpoint_is_ec2s_alone(make_clients):
    clients = make_clients()
    ours = clients.account.endpoint_url
    assert clients.reading.ec2.meta.endpoint_url == ours
    assert clients.reading.ssm.meta.endpoint_url != ours


def requests_counted(op, code):
    labels = {"op": op, "code": code}
    name = "jupyterhub_ec2_api_requests_total"
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_every_request_is_counted_with_what_became_of_it(make_clients, ec2):
    op, lane = "DescribeSubnets", make_clients().killing
    codes = ("ok", "UnauthorizedOperation", "ConnectionClosedError")
    before = [requests_counted(op, code) for code in codes]

    async def ask():
        await lane.run(op, lambda lane: lane.ec2.describe_subnets())

    await ask()
    ec2.add_fault(Fault(op, error=("UnauthorizedOperation", 403), times=1))
    with pytest.raises(EC2Error):
        await ask()
    ec2.add_fault(Fault(op, lose_request=True, times=1))
    await ask()  # asked again, which counts, too
    after = [requests_counted(op, code) for code in codes]
    assert [b - a for a, b in zip(before, after)] == [2, 1, 1]
