"""The line in which builds wait."""

from ec2spawner.fleet.build_line import BuildLine


async def test_who_came_first_has_the_first_turn_and_the_others_know_their_place():
    line, busy, asked, told = BuildLine(), 2, [], {}

    async def count():
        asked.append(busy)
        return busy

    async def look(who):
        return await line.look(who, count, 2, lambda n: told.update({who: n}))

    assert [await look(who) for who in "abc"] == [False] * 3
    assert told == {"a": 1, "b": 2, "c": 3}
    # EC2 is asked for the first of them only.
    assert len(asked) == 1
    busy = 1
    assert not await look("b") and await look("a")
    line.leave("a")
    line.leave("a")
    assert await look("b")
    # An admin's own builders may be more than are allowed.
    line.leave("b")
    busy = 4
    assert not await look("c") and told["c"] == 3
