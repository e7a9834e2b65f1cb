"""The pages of starts and of machines that do not answer, as HTML."""

import re
from types import SimpleNamespace

import pytest

from ec2spawner.core.state import Launch, ServerState, StoppedMachine
from ec2spawner.costs.spent import Spent
from ec2spawner.launch.failures import Failure
from ec2spawner.launch.history import StartKind
from ec2spawner.launch.progress import Progress

from .page import FACTS, NoRuns, failed_page, progress_page, starting, text_of, user


def test_the_progress_page_says_what_starts_and_what_it_costs(render):
    page = progress_page(render, starting())
    told = text_of(page)
    assert "Starting your Medium &lt;b&gt; machine" in told
    assert "m7i.xlarge costs 0.20 USD an hour while it runs." in told
    assert "Cancel this start" in told and "It is set up, with your home" in told
    assert "const expected = null" in page and "usually" not in told


def test_no_time_has_passed_of_a_start_that_has_not_begun(render):
    seconds = iter(range(0, 9000, 3000))
    one = starting()
    one.context.progress = Progress(clock=lambda: next(seconds))
    assert "performance.now() - 1000 * 0.0" in progress_page(render, one)
    one.context.progress.tell(5, "Asking AWS")
    assert "performance.now() - 1000 * 6000" in progress_page(render, one)


def test_the_progress_page_says_how_long_such_starts_took(render):
    one = starting(home="none", prices={})
    kind = StartKind("us-west-2", "ami-1", "m7i.xlarge")
    stages = {"machine": 1.0, "boot": 20.4, "home": 2.0, "jupyter": 7.0}
    one.context.runtime.history.add(kind, stages)
    page = progress_page(render, one)
    told = text_of(page)
    assert '"usual": 30.4' in page
    assert "It boots usually 20 s" in told
    assert "It is set up usually 2 s" in told and "costs" not in told


def test_of_a_start_that_has_no_image_yet_nobody_says_how_long_it_takes(render):
    one = starting(repository="https://example.org/lab/hydro")
    kind = StartKind("us-west-2", "https://example.org/lab/hydro", "m7i.xlarge")
    stages = {"machine": 1.0, "boot": 20.4, "home": 2.0, "jupyter": 7.0}
    one.context.runtime.history.add(kind, stages)
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    one.context.progress, progress.builds = progress, True
    progress.build(0.3, "installing packages")
    page = progress_page(render, one)
    told = text_of(page)
    assert "The image of your repository is found or made" in told
    assert "const expected = null" in page
    now[0] = 300.0
    progress.built()
    now[0] = 310.0
    page = progress_page(render, one)
    assert '"usual": 30.4' in page and "performance.now() - 1000 * 10.0" in page
    assert "The image of your repository" not in text_of(page)


def test_a_machine_that_is_woken_is_not_asked_for(render):
    stopped = StoppedMachine("l", "i-1", instance_type="m7i.xlarge", how="stop")
    one = starting()
    one.context.state = ServerState(stopped=stopped, launch=Launch("s", "l"))
    told = text_of(progress_page(render, one))
    assert "Your machine is woken" in told and "AWS has a machine" not in told


@pytest.mark.parametrize(
    "name, call", [("", "stop_server"), ("gpu", "stop_named_server")]
)
def test_cancel_cancels_the_start_that_is_shown(render, name, call):
    one = starting()
    one.name = name
    page = progress_page(render, one)
    assert re.findall(r"api\.(stop\w+)\(", page) == [call]


def test_the_progress_page_of_another_spawner_works(render):
    other = SimpleNamespace(name="", display_name="")
    assert "Starting your machine" in text_of(progress_page(render, other))


def test_the_page_of_a_failed_start_says_why_what_next_and_what_to_send(render):
    failure = Failure(
        1_800_014_400.0, "boot", "d7febfbb", "i-62dd", "Server.InternalError", ("<1>",)
    )
    page = failed_page(render, failure)
    told = text_of(page)
    assert "AWS is full. Try again." in told
    assert "Try again Choose another size" in told
    assert (
        "15 January 12:00 UTC , launch d7febfbb, i-62dd, Server.InternalError" in told
    )
    assert "&lt;1&gt;" in page and '<time datetime="2027-01-15T12:00Z">' in page


def test_the_page_of_a_failed_start_says_what_it_has_cost(render, monkeypatch):
    monkeypatch.setattr(NoRuns, "machine", Spent(machines=0.0001))
    failure = Failure(1_800_014_400.0, "boot", "d7febfbb", "i-62dd")
    assert "has cost less than 0.001 USD." in text_of(failed_page(render, failure))


def test_a_failure_that_nobody_has_words_for_says_what_to_do(render):
    told = text_of(failed_page(render, None, message=""))
    assert "please tell your hub's admin" in told.replace("&#39;", "'")
    assert "send this" not in told


def test_a_server_that_has_not_failed_has_jupyterhubs_page(render):
    page = render(
        "not_running.html",
        user=user(),
        server_name="",
        spawn_url="/",
        ec2spawner=FACTS,
    )
    assert "Server not running" in page and "Try again" not in page


def test_the_page_of_a_proxy_leads_to_the_hubs_own(render):
    for status in (502, 503, 504):
        page = render(f"{status}.html", status_code=status, message_html="")
        assert "Your machine does not answer" in page
        assert "encodeURIComponent(here.pathname)" in page
        assert '"/jhub/hub/unanswered?url="' in page and '"/jhub/user/"' in page
        assert 'href="/jhub/hub/home"' in page


def test_what_the_hub_itself_refuses_it_says_in_its_own_words(render):
    page = render(
        "503.html",
        status_code=503,
        status_message="Service Unavailable",
        message="AWS is full",
        exception=None,
    )
    assert "AWS is full" in page and "does not answer" not in page
    assert "unanswered" not in page


def test_the_page_of_a_machine_that_does_not_answer_has_a_next_step(render):
    page = render(
        "ec2_unanswered.html",
        user=user(),
        server={"user": "alice", "name": "gpu"},
        url="/jhub/user/alice/gpu/lab",
        line="launch x",
        ec2spawner=FACTS,
    )
    told = text_of(page)
    assert "Your machine does not answer: gpu" in told
    assert "Try again Restart Stop" in told and "launch x" in told
