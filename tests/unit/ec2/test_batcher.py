import asyncio

import pytest

from ec2spawner.ec2.batcher import Batcher, BatchStatistics
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.kinds import Kind
from ec2spawner.ec2.errors.table import meaning_of

IDS = [f"i-{n:017x}" for n in range(12)]


class FakeEC2:
    """Answers requests for many, all or nothing, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.unknown = set()
        self.forbidden = set()
        self.silent = set()
        self.error = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def send(self, ids):
        self.asked.append(list(ids))
        await self.go_on.wait()
        if self.error:
            raise EC2Error("X", self.error, "", meaning_of(self.error, 503))
        if bad := self.unknown & set(ids):
            text = f"The instance IDs '{', '.join(sorted(bad))}' do not exist"
            code = "InvalidInstanceID.NotFound"
            raise EC2Error("X", code, text, meaning_of(code))
        if self.forbidden & set(ids):
            code = "UnauthorizedOperation"
            raise EC2Error("X", code, "You are not authorized", meaning_of(code))
        return {id: "shutting-down" for id in ids if id not in self.silent}


@pytest.fixture
def ec2():
    return FakeEC2()


@pytest.fixture
async def batcher(ec2):
    made = Batcher("end", ec2.send)
    yield made
    made.close()


async def outcomes(batcher, ids):
    return dict(
        zip(ids, await asyncio.gather(*map(batcher.ask, ids), return_exceptions=True))
    )


async def test_what_is_asked_together_goes_as_one_request(ec2, batcher):
    answers = await outcomes(batcher, IDS)
    assert set(answers.values()) == {"shutting-down"}
    assert ec2.asked == [IDS]


async def test_two_who_ask_about_the_same_share_an_answer(ec2, batcher):
    assert await asyncio.gather(batcher.ask(IDS[0]), batcher.ask(IDS[0]))
    assert ec2.asked == [[IDS[0]]]


async def test_what_comes_while_one_is_in_flight_goes_together_afterwards(ec2, batcher):
    ec2.go_on.clear()
    first = asyncio.ensure_future(batcher.ask(IDS[0]))
    while not ec2.asked:
        await asyncio.sleep(0.01)
    later = []
    for id in IDS[1:]:
        later.append(asyncio.ensure_future(batcher.ask(id)))
        await asyncio.sleep(0.005)
    ec2.go_on.set()
    await asyncio.gather(first, *later)
    assert ec2.asked == [IDS[:1], IDS[1:]]


async def test_a_request_that_hangs_holds_nobody_up_for_long(ec2, batcher, monkeypatch):
    from ec2spawner.ec2 import batcher as batch

    monkeypatch.setattr(batch, "_BEHIND_SECONDS", 0.05)
    ec2.go_on.clear()
    hanging = asyncio.ensure_future(batcher.ask(IDS[0]))
    while not ec2.asked:
        await asyncio.sleep(0.01)
    next_one = asyncio.ensure_future(batcher.ask(IDS[1]))
    while len(ec2.asked) < 2:
        await asyncio.sleep(0.01)
    assert not hanging.done()
    ec2.go_on.set()
    await asyncio.gather(hanging, next_one)


async def test_those_that_an_error_names_do_not_fail_the_others(ec2, batcher):
    ec2.unknown = {IDS[3], IDS[7]}
    answers = await outcomes(batcher, IDS)
    for id in IDS:
        if id in ec2.unknown:
            assert answers[id].code == "InvalidInstanceID.NotFound"
        else:
            assert answers[id] == "shutting-down"
    assert len(ec2.asked) == 2


async def test_an_error_that_names_nobody_is_narrowed_down(ec2, batcher):
    ec2.forbidden = {IDS[5]}
    answers = await outcomes(batcher, IDS)
    assert answers.pop(IDS[5]).code == "UnauthorizedOperation"
    assert set(answers.values()) == {"shutting-down"}
    assert len(ec2.asked) < len(IDS)


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError"])
async def test_trouble_of_ec2_itself_is_not_multiplied(ec2, batcher, code):
    ec2.error = code
    answers = await outcomes(batcher, IDS)
    assert {answer.code for answer in answers.values()} == {code}
    assert ec2.asked == [IDS]


async def test_who_is_cancelled_takes_nobody_along(ec2, batcher):
    ec2.go_on.clear()
    asked = [asyncio.ensure_future(batcher.ask(id)) for id in IDS[:2]]
    while not ec2.asked:
        await asyncio.sleep(0.01)
    asked[0].cancel()
    ec2.go_on.set()
    assert await asked[1] == "shutting-down"


async def test_a_big_crowd_goes_in_several_requests(ec2, batcher, monkeypatch):
    from ec2spawner.ec2 import batcher as batch

    monkeypatch.setattr(batch, "_MOST", 5)
    answers = await outcomes(batcher, IDS)
    assert set(answers.values()) == {"shutting-down"}
    assert [len(ids) for ids in ec2.asked] == [5, 5, 2]


async def test_an_id_that_the_answer_lacks_is_an_error_of_its_own(ec2, batcher):
    ec2.silent = {IDS[2]}
    answers = await outcomes(batcher, IDS)
    missing = answers.pop(IDS[2])
    assert isinstance(missing, EC2Error)
    assert (missing.code, missing.kind) == ("NotAnswered", Kind.AMBIGUOUS)
    assert set(answers.values()) == {"shutting-down"}


@pytest.mark.parametrize("sent", [False, True])
async def test_whoever_still_asks_when_it_closes_hears_of_it(ec2, batcher, sent):
    ec2.go_on.clear()
    asked = asyncio.ensure_future(batcher.ask(IDS[0]))
    await asyncio.sleep(0)
    while sent and not ec2.asked:
        await asyncio.sleep(0.01)
    batcher.close()
    done, _ = await asyncio.wait({asked}, timeout=30)
    assert done and asked.cancelled()


async def test_it_counts_what_it_has_sent(ec2, batcher):
    assert batcher.name == "end" and batcher.statistics() == BatchStatistics()
    ec2.unknown = {IDS[0]}
    await outcomes(batcher, IDS)
    await batcher.ask(IDS[1])
    # All of them, those that are left without the unknown one, and one alone.
    assert batcher.statistics() == BatchStatistics(3, 12 + 11 + 1, 12)
