import pytest

from ec2spawner.launch.breaker import Breaker


class Hub:
    """Launches of one kind, by users in turn, at times as told."""

    def __init__(self):
        self.now = 0.0
        self.breaker = Breaker(lambda: self.now)
        self.launches = 0

    def admit(self, kind="image", user="anybody"):
        self.launches += 1
        return self.breaker.admit(kind, f"l{self.launches}", user)

    def fail(self, user, kind="image"):
        return self.breaker.bad(kind, f"l{self.launches}", user, 3, 100)

    def trip(self):
        for user in "aba":
            assert self.admit() is None
            tripped = self.fail(user)
        assert tripped


@pytest.fixture
def hub():
    return Hub()


def test_so_many_failures_in_a_row_stop_the_next_launch(hub):
    hub.trip()
    tripped = hub.admit()
    assert (tripped.failures, tripped.seconds) == (3, 100)


def test_another_kind_goes_on(hub):
    hub.trip()
    assert hub.admit("other") is None


def test_a_good_start_between_them_forgets_the_failures(hub):
    hub.fail("a")
    hub.fail("b")
    hub.breaker.good("image")
    assert not hub.fail("a")
    assert hub.admit() is None


def test_failures_of_one_user_are_the_users_own(hub):
    for _ in range(9):
        assert not hub.fail("a")
    assert hub.admit() is None
    assert hub.fail("b")


def test_failures_far_apart_have_nothing_to_do_with_each_other(hub):
    for user in "abab":
        assert not hub.fail(user)
        hub.now += 400


def test_after_the_pause_one_may_try_and_the_others_wait_for_it(hub):
    hub.trip()
    hub.now = 100
    assert hub.admit() is None
    assert hub.breaker.admit("image", "another", "d") is not None


def test_a_trial_that_is_good_lets_everybody_through(hub):
    hub.trip()
    hub.now = 100
    hub.admit()
    hub.breaker.good("image")
    assert hub.admit() is None
    assert hub.admit() is None


def test_a_trial_that_fails_begins_another_pause(hub):
    hub.trip()
    hub.now = 100
    hub.admit()
    assert hub.fail("c")
    hub.now = 150
    assert hub.admit().seconds == 50
    hub.now = 200
    assert hub.admit() is None


def test_a_trial_that_proves_nothing_leaves_the_next_to_try(hub):
    hub.trip()
    hub.now = 100
    hub.admit()
    hub.breaker.undecided("image", f"l{hub.launches}")
    assert hub.admit() is None


def test_what_another_launch_does_not_prove_leaves_the_trial_alone(hub):
    hub.trip()
    hub.now = 100
    assert hub.breaker.admit("image", "trial", "d") is None
    hub.breaker.undecided("image", "from before")
    assert hub.admit() is not None
    hub.breaker.undecided("image", "trial")
    assert hub.admit() is None


def test_late_failures_of_launches_from_before_are_no_news(hub):
    hub.trip()
    assert not hub.breaker.bad("image", "earlier", "d", 3, 100)
    assert hub.admit().seconds == 100


def test_no_limit_never_stops_anything(hub):
    for user in "abab":
        assert not hub.breaker.bad("image", "l", user, 0, 100)


def test_the_trial_is_nobodys_who_has_failed(hub):
    hub.trip()
    hub.now = 100
    assert hub.admit(user="a").seconds == 600
    assert hub.admit(user="b") is not None
    assert hub.admit(user="c") is None


def test_who_has_failed_in_a_trial_does_not_get_the_next(hub):
    hub.trip()
    hub.now = 100
    assert hub.admit(user="c") is None
    assert hub.fail("c")
    hub.now = 200
    assert hub.admit(user="c") is not None
    assert hub.admit(user="d") is None


def test_what_is_a_users_own_counts_for_nothing_and_gives_the_trial_away(hub):
    for number in range(9):
        hub.breaker.own("image", f"own {number}", "ab"[number % 2])
    assert hub.admit() is None
    assert not hub.fail("c")
    hub = Hub()
    hub.trip()
    hub.now = 100
    assert hub.admit(user="c") is None
    hub.breaker.own("image", f"l{hub.launches}", "c")
    assert hub.admit(user="c") is not None
    assert hub.admit(user="d") is None


def test_a_hub_of_those_who_have_failed_may_try_again_after_a_while(hub):
    hub.trip()
    hub.now = 100 + 600
    assert hub.admit(user="a") is None
