"""What happens to a machine reaches its user as words on the Hub's own pages."""

import aiohttp
import pytest

from ec2spawner.demo.visitor import Visitor
from localec2 import Fault

from .conftest import api_of, living

QUICK_CHECKS = "import ec2spawner.ec2.status_checks as checks; checks.INTERVAL = 0.5"


async def page(visitor, path):
    """The text of a page of the Hub, as this visitor sees it."""
    _, text = await visitor._get(visitor.hub_url(path))
    return text


async def test_a_machine_that_ended_behind_its_users_back_is_explained(
    make_quick_hub, ec2, cloud, gate
):
    hub = make_quick_hub(settings={"environment": gate.environment})
    await hub.start()
    gate.open()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    api_of(cloud).terminate_instances(InstanceIds=[machine.instance_id])
    await hub.wait_gone("alice")
    told = f"The machine of your server ({machine.instance_id}) ended on "
    who = "somebody with access to the AWS account ended it"
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        for path in ("home", "spawn", "token"):
            text = await page(alice, path)
            assert told in text and who in text, path
        gate.close()
        await alice.choose("small")
        events = await alice.ready(on_event=gate.open)
        assert any(told in event["message"] for event in events)
        # A server that runs again needs no explanation.
        assert told not in await page(alice, "home")
    async with Visitor(hub.url, "bob", "any") as bob:
        await bob.log_in()
        assert "The machine of your server" not in await page(bob, "home")
        # What configurable-http-proxy asks for, without anybody's cookies.
        assert "machine does not answer" in await page(bob, "error/503")
        # Another's machine that does not answer is none of theirs, nor another's page.
        status, _ = await bob._get(bob.hub_url("unanswered?url=/user/alice/lab"))
        assert status == 404
        for elsewhere in ("//evil.example/user/bob/", "https://evil.example/", ""):
            told = await page(bob, f"unanswered?url={elsewhere}")
            assert "Your servers" in told and "evil" not in told


@pytest.mark.slow
async def test_the_words_outlive_the_hub(make_quick_hub, ec2):
    hub = make_quick_hub()
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.fail_machine(machine.instance_id, "Server.InternalError", "host failure")
    await hub.wait_gone("alice")
    hub.kill()
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        assert "AWS&#x27;s host failed" in await page(alice, "home")


@pytest.mark.slow
async def test_a_user_who_shuts_their_server_down_is_told_nothing_new(quick_hub, ec2):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    async with aiohttp.ClientSession(headers={"X-Code": "0"}) as session:
        url = quick_hub.server_url(machine) + "/exit"
        try:
            await session.get(url, ssl=quick_hub.tls)
        except aiohttp.ClientError:
            pass  # the server ends before it answers
    await quick_hub.wait_gone("alice")
    assert "last_end" not in quick_hub.saved_state("alice")


@pytest.mark.slow
async def test_a_machine_that_fails_awss_checks_is_told_of(make_quick_hub, ec2):
    hub = make_quick_hub(code=QUICK_CHECKS)
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    told = f"trouble with the machine of your server ({machine.instance_id}) since "
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        assert told not in await page(alice, "home")
        ec2.freeze(machine.instance_id)

        async def is_told():
            return told in await page(alice, "home")

        await hub.wait_until(is_told, 30, "the user is told")
        (notice,) = (await hub.server("alice"))["state"]["notices"]
        assert told in notice
        ec2.thaw(machine.instance_id)

        async def is_told_no_more():
            return not await is_told()

        await hub.wait_until(is_told_no_more, 30, "the trouble has passed")


@pytest.mark.slow
async def test_a_machine_that_aws_takes_back_is_announced_and_then_explained(
    quick_hub, ec2
):
    await quick_hub.ready_server("alice")
    (machine,) = living(ec2)
    ec2.spot_notice(machine.instance_id, seconds=45)
    async with Visitor(quick_hub.url, "alice", "any") as alice:
        await alice.log_in()

        async def is_told():
            text = await page(alice, "home")
            machine_of = f"the machine of your server ({machine.instance_id})"
            return f"AWS takes {machine_of} back at" in text

        await quick_hub.wait_until(is_told, 40, "the user is told")
        ec2.fail_machine(
            machine.instance_id, "Server.SpotInstanceTermination", "taken back"
        )
        await quick_hub.wait_gone("alice")
        text = await page(alice, "home")
        assert "AWS takes the machine" not in text
        assert "AWS took the spot machine back" in text


@pytest.mark.slow
async def test_a_long_silence_of_ec2_is_told_to_who_has_a_server(make_quick_hub, ec2):
    patience = "import ec2spawner.server.context as s; s._WORTH_TELLING_SECONDS = 1"
    hub = make_quick_hub(code=patience)
    await hub.start()
    await hub.ready_server("alice")
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        ec2.add_fault(Fault("DescribeInstances", error=("Unavailable", 503)))

        async def is_told():
            return "AWS has not answered this hub since" in await page(alice, "home")

        await hub.wait_until(is_told, 30, "the user is told")
        assert (await hub.server("alice"))["ready"]
        ec2.clear_faults()

        async def is_told_no_more():
            return not await is_told()

        await hub.wait_until(is_told_no_more, 30, "EC2 answers again")
