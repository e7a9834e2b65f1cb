import string

from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.ids import (
    client_token,
    hub_id_from_cookie_secret,
    new_launch_id,
    server_id,
)

names = st.text(max_size=60)


@given(st.lists(st.tuples(names, names, names), min_size=2, max_size=2, unique=True))
def test_different_servers_never_share_an_id(two):
    one, other = two
    if "\0" not in "".join(one + other):  # the Hub allows no NUL in a name
        assert server_id(*one) != server_id(*other)


def test_names_that_join_alike_are_kept_apart():
    assert server_id("hub", "a-b", "c") != server_id("hub", "a", "b-c")
    assert server_id("hub", "ab", "") != server_id("hub", "a", "b")


@given(names, names)
def test_a_server_id_fits_any_tag(user, server):
    made = server_id("hub", user, server)
    assert len(made) == 20
    assert set(made) <= set(string.ascii_lowercase + string.digits)


def test_two_hubs_have_two_ids_and_one_hub_always_the_same():
    assert hub_id_from_cookie_secret(b"1") != hub_id_from_cookie_secret(b"2")
    assert hub_id_from_cookie_secret(b"1") == hub_id_from_cookie_secret(b"1")


def test_each_attempt_of_each_launch_has_its_own_token_that_ec2_takes():
    one, other = new_launch_id(), new_launch_id()
    tokens = {client_token(launch, n) for launch in (one, other) for n in range(3)}
    assert len(tokens) == 6
    assert all(len(t) <= 64 and t.isascii() for t in tokens)
