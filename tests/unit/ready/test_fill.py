from ec2spawner.ready.fill import Bounds, Want, fill

SMALL, LARGE = frozenset({"small-a", "small-b"}), frozenset({"large"})
MANY = Bounds(100)


def test_what_is_missing_is_launched():
    done = fill([Want(SMALL, 3), Want(LARGE, 1)], {"1": "small-b"}, {}, MANY)
    assert done.launch == {SMALL: 2, LARGE: 1} and not done.end


def test_what_is_on_its_way_counts():
    assert not fill([Want(SMALL, 3)], {"1": "small-a"}, {SMALL: 2}, MANY).launch


def test_what_is_too_many_or_of_no_kind_that_is_wanted_ends():
    there = {"1": "small-a", "2": "small-b", "3": "old"}
    assert fill([Want(SMALL, 1)], there, {}, MANY).end == ("2", "3")
    assert fill([Want(SMALL, 0)], there, {}, MANY).end == ("1", "2", "3")


def test_of_two_wants_for_one_choice_the_larger_counts():
    done = fill([Want(SMALL, 1), Want(SMALL, 4), Want(SMALL, 0)], {}, {}, MANY)
    assert done.launch == {SMALL: 4}


def test_all_together_are_no_more_than_allowed_and_the_first_come_first():
    wants = [Want(SMALL, 3), Want(LARGE, 3)]
    assert fill(wants, {}, {}, Bounds(4)).launch == {SMALL: 3, LARGE: 1}
    assert fill(wants, {}, {}, Bounds(0)).launch == {}
    there = {"1": "large", "2": "small-a"}
    assert fill(wants, there, {}, Bounds(1)).end == ("1",)


def test_dollars_bound_them_too_and_what_has_no_price_is_not_launched():
    wants = [Want(LARGE, 3, 0.4), Want(SMALL, 3, 0.1)]
    assert fill(wants, {}, {}, Bounds(100, 1.0)).launch == {LARGE: 2, SMALL: 2}
    assert fill([Want(LARGE, 3)], {}, {}, Bounds(100, 1.0)).launch == {}
    assert fill([Want(LARGE, 3)], {}, {}, Bounds(100)).launch == {LARGE: 3}
