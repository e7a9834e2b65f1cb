import asyncio

from ec2spawner.server.progress import Progress


async def follow(progress):
    return [event["message"] async for event in progress.events()]


async def test_a_watcher_who_comes_late_sees_every_step_from_the_first():
    progress = Progress(clock=lambda: 0)
    progress.tell(5, "one")
    early = asyncio.create_task(follow(progress))
    await asyncio.sleep(0)
    progress.tell(10, "two")
    late = asyncio.create_task(follow(progress))
    await asyncio.sleep(0)
    progress.tell(20, "three")
    progress.end()
    assert await early == await late == ["[0 s] one", "[0 s] two", "[0 s] three"]


async def test_two_steps_at_once_both_reach_a_waiting_watcher():
    progress = Progress(clock=lambda: 0)
    watcher = asyncio.create_task(follow(progress))
    await asyncio.sleep(0)
    progress.tell(5, "one")
    progress.tell(6, "two")
    progress.end()
    assert await watcher == ["[0 s] one", "[0 s] two"]


async def test_the_bar_never_goes_back_and_never_claims_to_be_full():
    progress = Progress()
    for percent in (30, 10, 250):
        progress.tell(percent, "step")
    assert [s.percent for s in progress.steps] == [30, 30, 99]


async def test_what_a_machine_says_is_never_html():
    progress = Progress(clock=lambda: 0)
    progress.tell(5, "<script>alert(1)</script>")
    progress.end()
    (event,) = [e async for e in progress.events()]
    assert event["html_message"] == "[0 s] &lt;script&gt;alert(1)&lt;/script&gt;"


def test_each_step_is_handed_on_with_its_seconds():
    seconds = iter([0.0, 1.5, 4.0])
    heard = []
    progress = Progress(heard.append, clock=lambda: next(seconds))
    progress.tell(5, "one")
    progress.tell(6, "two")
    assert [(s.message, s.seconds) for s in heard] == [("one", 1.5), ("two", 4.0)]
