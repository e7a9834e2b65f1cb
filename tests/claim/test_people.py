"""What the agent leaves for the people on its machine."""

import json
import os
import stat
import time

import pytest

from ec2spawner.claim.agent.work.notices import Watch
from ec2spawner.claim.agent.work.people import told as module
from ec2spawner.claim.agent.work.people.told import CONFIG_PATH, People
from ec2spawner.claim.kit_files import kit_files

ME = (os.getuid(), os.getgid())
TOLD = {
    "bar": "Medium",
    "details": [{"text": "It ends on {day}.", "left": 60}],
    "notices": [{"id": "budget", "text": "Nearly spent."}],
    "announced": {"interruption": "AWS takes it back at {at}."},
}
ORDERS = {"kit": dict(kit_files()), "told": TOLD}


@pytest.fixture
def people(tmp_path, monkeypatch):
    monkeypatch.delenv(CONFIG_PATH, raising=False)
    return People(str(tmp_path / "run" / "people"))


def read(people):
    with open(people.told_path) as file:
        return json.load(file)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_files_are_for_all_to_read_and_for_nobody_to_change(people, mask):
    """A configuration that a server cannot read may keep it from starting."""
    before = os.umask(mask)
    try:
        people.welcome(ORDERS, {}, ME)
    finally:
        os.umask(before)
    for folder, folders, files in os.walk(people.folder):
        for name in files:
            assert mode(os.path.join(folder, name)) == 0o444
        for name in folders:
            wanted = 0o700 if name == "said" else 0o755
            assert mode(os.path.join(folder, name)) == wanted
    there = os.path.join(people.folder, "kit", "config", "jupyter_server_config.py")
    with open(there) as file:
        assert file.read() == kit_files()["config/jupyter_server_config.py"]


def test_the_configuration_of_an_image_is_still_read(people, monkeypatch):
    ours = os.path.join(people.folder, "kit", "config")
    assert people.welcome(ORDERS, {"A": "b"}, ME) == {"A": "b", CONFIG_PATH: ours}
    monkeypatch.setenv(CONFIG_PATH, "/images:/own")
    env = people.welcome(ORDERS, {}, ME)
    assert env[CONFIG_PATH] == ours + ":/images:/own"
    env = people.welcome(ORDERS, {CONFIG_PATH: "/admins"}, ME)
    assert env[CONFIG_PATH] == ours + ":/admins"


@pytest.mark.parametrize("orders", [{}, {"kit": {}, "told": {}}])
def test_a_machine_that_is_to_tell_nothing_gets_nothing(people, orders):
    assert people.welcome(orders, {"A": "b"}, ME) == {"A": "b"}
    assert not os.path.exists(people.folder)


def test_a_machine_that_is_to_tell_nothing_any_more_shows_nothing_of_before(people):
    people.welcome(ORDERS, {}, ME)
    assert people.welcome({"kit": {}, "told": {}}, {}, ME) == {}
    assert not os.path.exists(people.told_path)


def test_a_server_starts_without_what_cannot_be_laid_out(people):
    os.makedirs(os.path.dirname(people.folder))
    with open(people.folder, "w") as file:
        file.write("in the way")
    assert people.welcome(ORDERS, {"A": "b"}, ME) == {"A": "b"}


def test_times_are_by_the_clock_of_the_machine(people, monkeypatch):
    monkeypatch.setattr(module.time, "time", lambda: 1000.0)
    people.tell(TOLD)
    told = read(people)
    assert told["now"] == 1000.0
    assert told["details"][0]["until"] == 1060.0
    assert "until" not in told["notices"][0]


def test_what_is_told_is_there_whole_or_not_at_all(people, monkeypatch):
    people.tell(TOLD)

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        people.tell({**TOLD, "bar": "Large"})
    assert read(people)["bar"] == "Medium"
    monkeypatch.undo()
    people.tell({**TOLD, "bar": "Large"})
    assert read(people)["bar"] == "Large"


@pytest.mark.parametrize("told", [None, {}, "x", 7])
def test_a_hub_that_has_nothing_to_say_changes_nothing(people, told):
    """One of an earlier version, for example."""
    people.tell(TOLD)
    people.tell(told)
    assert read(people)["bar"] == "Medium"


def test_a_folder_that_is_full_or_gone_stops_no_heartbeat(people, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    people.tell(TOLD)
    monkeypatch.setattr(module, "write_for_all", full)
    people.tell({**TOLD, "bar": "Large"})
    assert read(people)["bar"] == TOLD["bar"]


# -- what EC2 announces ----------------------------------------------------------


class Metadata:
    def __init__(self, **bodies):
        self.bodies = bodies

    def find(self, path):
        return self.bodies.get(path.rsplit("/")[-1])


def look(people, metadata):
    """What an agent does of its own accord every five seconds."""
    watch = Watch.__new__(Watch)
    watch.tell, watch.announce, watch.told = lambda *said: None, people.announce, set()
    watch.look(metadata)


ACTION = b'{"action": "terminate", "time": "2026-11-28T00:02:00Z"}'


def test_an_interruption_is_told_at_once_and_needs_no_hub(people):
    people.tell(TOLD)
    look(people, Metadata(**{"instance-action": ACTION}))
    notice, budget = read(people)["notices"]
    assert notice["text"] == "AWS takes it back at {at}."
    assert time.gmtime(notice["until"])[3:5] == (0, 2)
    assert budget["id"] == "budget"


def test_an_interruption_is_still_told_when_the_hub_has_something_new_to_say(people):
    people.tell(TOLD)
    look(people, Metadata(**{"instance-action": ACTION}))
    people.tell({**TOLD, "notices": []})
    [notice] = read(people)["notices"]
    assert notice["id"] == "ec2-interruption"


def test_an_announcement_without_words_of_the_hub_is_left_to_its_pages(people):
    people.tell({**TOLD, "announced": {}})
    look(people, Metadata(**{"instance-action": ACTION}))
    assert [n["id"] for n in read(people)["notices"]] == ["budget"]


def test_a_time_that_cannot_be_read_is_the_least_that_ec2_promises(people):
    people.tell(TOLD)
    people.announce("interruption", "soon")
    assert 100 < read(people)["notices"][0]["until"] - time.time() < 121
