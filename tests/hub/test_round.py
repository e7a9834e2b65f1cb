"""What a user does, from the form to the end."""

import asyncio

import pytest

from ec2spawner.demo.visitor import SpawnFailed, Visitor

from .conftest import living


@pytest.fixture
async def hub(make_hub):
    made = make_hub()
    await made.start()
    return made


@pytest.mark.slow
async def test_a_user_picks_a_size_gets_that_machine_works_and_leaves_nothing(hub, ec2):
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        form = await alice.form()
        assert "Small" in form and "2 CPUs, 2 GiB" in form and "Large" in form
        await alice.choose("large")
        events = await alice.ready()
        steps = " ".join(e["message"] for e in events)
        (machine,) = living(ec2)
        assert machine.instance_type == "t3.large"
        for step in (
            "Asking AWS for a machine: t3.large",
            f"Machine {machine.instance_id}",
            "is booting",
            "has found this hub",
            "Setting up",
            "Starting Jupyter",
            "Ready",
        ):
            assert step in steps
        assert "jupyter-config-data" in await alice.open_lab()
        assert (await alice.run_cell("6 * 7"))[0].strip() == "42"
        await alice.stop()
        assert living(ec2) == []


async def test_two_users_at_once_get_a_machine_each_and_see_only_their_own(hub, ec2):
    async with (
        Visitor(hub.url, "alice", "any") as alice,
        Visitor(hub.url, "bob", "any") as bob,
    ):
        for visitor in (alice, bob):
            await visitor.log_in()
        await asyncio.gather(alice.choose("small"), bob.choose("large"))
        await asyncio.gather(alice.ready(), bob.ready())
        code = "import os; print(os.environ['JUPYTERHUB_SERVICE_URL'])"
        (hers, _), (his, _) = await asyncio.gather(
            alice.run_cell(code), bob.run_cell(code)
        )
        addresses = {m.private_ip: m.instance_type for m in living(ec2)}
        assert sorted(addresses.values()) == ["t3.large", "t3.small"]
        assert addresses[hers.split("/")[2].split(":")[0]] == "t3.small"
        assert addresses[his.split("/")[2].split(":")[0]] == "t3.large"
        # Bob asks for Alice's server with his own cookies.
        bob.name = "alice"
        status, answer = await bob.api("GET", "/users/alice")
        assert status == 404 or "servers" not in answer
        with pytest.raises(SpawnFailed, match="^(403|404) : "):
            await bob.open_lab()


@pytest.mark.slow
async def test_a_named_server_gets_a_machine_of_its_own(hub, ec2):
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready()
        await alice.choose("large", server_name="model")
        await alice.ready(server_name="model")
        assert sorted(m.instance_type for m in living(ec2)) == ["t3.large", "t3.small"]
        await alice.stop(server_name="model")
        (left,) = living(ec2)
        assert left.instance_type == "t3.small"
        assert (await alice.run_cell("1 + 1"))[0].strip() == "2"


async def test_a_page_that_is_reloaded_shows_every_step_again(
    make_quick_hub, ec2, gate
):
    script = "#!/bin/sh\necho installing DHSVM\n"
    settings = {"setup_script": script, "environment": gate.environment}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        began = asyncio.Event()
        page = asyncio.ensure_future(alice.ready(on_event=lambda _: began.set()))
        await began.wait()
        first, second = await asyncio.gather(page, alice.ready(on_event=gate.open))
        assert len(first) > 5
        told = [event["message"] for event in first]
        assert told == [event["message"] for event in second]
        # What runs first says how far it is, and is no business of EC2's.
        assert any("installing DHSVM" in message for message in told)
        assert "DHSVM" not in ec2.requests_text()
