import asyncio
import json
import time
from types import SimpleNamespace

import pytest

from ec2spawner import EC2Spawner
from ec2spawner.claim.messages import Claim
from ec2spawner.claim.registry import Registry
from ec2spawner.core.ids import secret_hash
from ec2spawner.core.state import Launch, Phase
from ec2spawner.ec2.machines import Machine
from ec2spawner.ready.member import Member
from ec2spawner.ready.pool import Pool
from localec2.metadata.identity_document import Signer

SIGNER = Signer()
CLAIM = Claim("pool", "nonce", "key")


def member(launched_at=0.0, **settings):
    """As one that a Hub finds, which an earlier one has launched long ago."""
    shown = Machine("i-1", "running", launched_at=launched_at)
    launch = Launch(
        "",
        "pool",
        Phase.BOOTING,
        launched_at=time.time(),
        region="us-west-2",
        instance_id="i-1",
    )
    inventory = SimpleNamespace(get=lambda id: shown)
    settings = EC2Spawner(region="us-west-2", claim_timeout=60, **settings)
    return Member(launch, "kind", settings, Registry(), inventory)


async def test_its_question_is_held_until_it_is_somebodys():
    waiting = member()
    assert not waiting.listens, "it has not claimed"
    asked = asyncio.ensure_future(waiting.give_orders(CLAIM))
    await asyncio.sleep(0)
    assert waiting.listens and not waiting.is_silent and not asked.done()

    async def orders(claim):
        return f"orders for {claim.machine_key}"

    waiting.hand_over(SimpleNamespace(give_orders=orders))
    assert await asked == "orders for key"


async def test_the_first_key_that_claims_is_its_key():
    waiting = member()
    held = [waiting.give_orders(c) for c in (CLAIM, Claim("pool", "nonce", "other"))]
    assert waiting.launch.machine_key_hash == secret_hash("key")
    assert waiting.launch.phase is Phase.CLAIMED
    for each in held:
        each.close()


async def test_one_whose_question_has_ended_counts_for_a_moment_only(monkeypatch):
    waiting = member()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(waiting.give_orders(CLAIM), 0.01)
    assert waiting.listens, "it asks again at once"
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert not waiting.listens and not waiting.is_silent
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert waiting.is_silent


def test_a_form_tells_by_the_settings_whether_it_would_be_given():
    waiting = member(image="ami-1", instance_types=["t3.small"])
    settings = EC2Spawner(region="us-west-2", image="ami-1")
    other = EC2Spawner(region="us-west-2", image="ami-2")
    assert waiting.is_made_by(lambda name: getattr(settings, name), ["t3.small"])
    assert not waiting.is_made_by(lambda name: getattr(settings, name), ["t3.large"])
    assert not waiting.is_made_by(lambda name: getattr(other, name), ["t3.small"])


def document(**other):
    then = time.gmtime(time.time() - 7200)
    told = {"region": "us-west-2", "instanceId": "i-1", "imageId": "", "accountId": ""}
    told["pendingTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", then)
    return SIGNER.pkcs7(json.dumps({**told, **other}).encode()).decode()


def test_it_shows_ec2s_document_also_to_a_hub_that_has_just_found_it():
    certificates = {"us-west-2": SIGNER.certificate()}
    found = member(time.time() - 7200, identity_certificates=certificates)
    assert found.why_not_its(Claim("pool", "nonce", "key", identity=document())) == ""
    another = document(instanceId="i-2")
    assert found.why_not_its(Claim("pool", "nonce", "key", identity=another))


def test_a_nonce_is_the_hubs_own_and_another_for_each_launch():
    pool, other = Pool(Registry()), Pool(Registry())
    pool.secret, other.secret = b"one", b"two"
    assert pool.nonce("a") == pool.nonce("a") and len(pool.nonce("a")) > 40
    assert len({pool.nonce("a"), pool.nonce("b"), other.nonce("a")}) == 3
