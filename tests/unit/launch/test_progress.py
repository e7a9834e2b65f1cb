import asyncio

from ec2spawner.launch.progress import IMAGE, MOST_STEPS, Progress


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


async def test_of_very_many_steps_the_first_and_the_last_are_kept_and_seen_once():
    progress = Progress(clock=lambda: 0)
    watcher = asyncio.create_task(follow(progress))
    for number in range(20):
        progress.tell(5, f"early {number}")
    await asyncio.sleep(0)
    for number in range(10_000):
        progress.tell(5, str(number))
    progress.tell(6, "last")
    progress.end()
    assert len(progress.steps) == MOST_STEPS
    seen = await watcher
    assert seen[:20] == [f"[0 s] early {number}" for number in range(20)]
    assert seen[-1] == "[0 s] last" and len(seen) == len(set(seen)) == MOST_STEPS
    assert await follow(progress) == seen


def test_a_quiet_step_is_not_handed_on():
    heard = []
    progress = Progress(heard.append)
    progress.tell(5, "one")
    progress.tell(5, "two", quiet=True)
    assert [s.message for s in heard] == ["one"]
    assert [s.message for s in progress.steps] == ["one", "two"]


def test_seconds_count_from_the_start_and_not_from_the_form_before():
    now = 100.0
    progress = Progress(clock=lambda: now)
    now = 400.0
    progress.begin()
    now = 401.0
    progress.tell(5, "one")
    assert progress.steps[0].seconds == 1.0


def test_a_start_has_stages_and_each_its_seconds():
    seconds = iter([0.0, 1.0, 21.0, 22.0, 25.0, 33.0])
    progress = Progress(clock=lambda: next(seconds))
    for percent in (20, 45, 55, 75):
        progress.tell(percent, "step")
        assert progress.stages() == {}
    progress.tell(95, "Ready")
    assert progress.stages() == {"machine": 1, "boot": 20, "home": 4, "jupyter": 8}


async def test_the_seconds_of_an_image_say_nothing_of_other_starts():
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.begin()
    progress.builds = True
    progress.build(0.0, "reading")
    now[0] = 300.0
    progress.build(1.0, "saving")
    assert progress.steps[-1].percent < IMAGE.done
    progress.built()
    assert not progress.builds and progress.steps[-1].percent == IMAGE.done
    for seconds, percent in ((310, 20), (330, 45), (340, 75), (345, 95)):
        now[0] = seconds
        progress.tell(percent, "")
    assert list(progress.stages().values()) == [10, 20, 10, 5]
    # Who watches reads of all of it.
    assert progress.steps[-1].seconds == 345
