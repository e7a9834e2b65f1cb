from ec2spawner.hub.pages.announcements import with_notices
from ec2spawner.server.notices import AGAIN


class Row:
    def __init__(self, last_end):
        self.state = {"last_end": last_end}


class User:
    """Of JupyterHub: a user of whose servers none has been started since."""

    def __init__(self, *last_ends):
        self.spawners = {}
        self.orm_user = self
        self.orm_spawners = {str(n): Row(text) for n, text in enumerate(last_ends)}


def announcement(vars, user, name="announcement"):
    return with_notices(vars)[name](user)


def test_nobody_has_no_notices_and_sees_no_banner():
    assert announcement({}, None) == ""
    assert announcement({}, User("")) == ""


def test_an_admins_own_words_stay_and_come_first():
    assert announcement({"announcement": "<b>Hi</b>"}, User("gone")) == (
        f"<b>Hi</b><br>gone {AGAIN}"
    )
    assert announcement({"announcement": lambda u: "Hi"}, None) == "Hi"


def test_words_on_one_page_only_do_not_hide_the_notices_there():
    vars = {"announcement_home": "Hi", "other": 1}
    assert announcement(vars, User("gone"), "announcement_home") == (
        f"Hi<br>gone {AGAIN}"
    )
    assert "announcement_spawn" not in with_notices(vars)
    assert with_notices(vars)["other"] == 1


def test_what_comes_from_a_machine_is_never_html():
    assert announcement({}, User("<script>")) == (f"&lt;script&gt; {AGAIN}")


def test_a_time_is_marked_for_the_browser_which_knows_the_users_zone():
    told = announcement({}, User("It ended on 15 January at about 12:00 UTC."))
    assert '-01-15T12:00Z">15 January at about 12:00 UTC</time>' in told
    assert "<script>" in told and told.count("<script>") == 1
