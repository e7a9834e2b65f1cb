"""The command: questions or flags, files that stay, and what is left to do."""

import sys

import pytest

from ec2spawner.admin.init.app import InitApp


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("LOGNAME", "ada")
    return tmp_path


@pytest.fixture
def run(here, capsys, monkeypatch):
    """Run it; answers are what somebody types at a terminal, if there is one."""

    def run(*words, typed=None):
        typed = None if typed is None else iter(typed)

        def ask(text):
            print(text)
            try:
                return next(typed)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", ask)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: typed is not None)
        app = InitApp()
        app.initialize(list(words))
        app.start()
        return capsys.readouterr().out

    return run


@pytest.fixture
def fails(run, capsys):
    def fails(*words, status=1, **more):
        with pytest.raises(SystemExit) as ended:
            run(*words, **more)
        assert ended.value.code == status
        return capsys.readouterr().err

    return fails


def config(here, folder="."):
    return (here / folder / "jupyterhub_config.py").read_text()


def test_yes_takes_the_defaults_and_says_what_is_left_to_do(run, here):
    told = run("--yes")
    text = config(here)
    assert 'c.EC2Spawner.region = "eu-west-1"' in text
    assert 'c.EC2Spawner.hub_id = "lab-hub"' in text
    assert 'allowed_users = {"ada"}' in text
    assert (here / "hub.yaml").exists()
    for number in "1234":
        assert f"\n{number}. " in told
    for command in ("cloudformation deploy", "start-session", "image build lab"):
        assert command in told


def test_flags_are_answers(run, here):
    words = ["--region", "us-east-2", "--name", "hub.example.org", "--users=grace,ada"]
    words += ["--sizes", "c7i.large", "--budget=0", "--home-size=5", "--idle-minutes=0"]
    told = run("--yes", "sub", *words)
    text = config(here, "sub")
    assert 'c.EC2Spawner.sizes = {"Small": "c7i.large"}' in text
    assert "budgets" not in text and "idle_timeout=0" in text
    assert 'admin_users = {"grace"}' in text and "home_size = 5\n" in text
    assert "https://hub.example.org/" in told and "PortForwarding" not in told
    assert "--template-file sub/hub.yaml" in told


def test_six_questions_are_asked_and_one_again_that_was_answered_wrong(run, here):
    typed = ["eu-central-1", "lab", "ada grace", "m7g.large", "m7i.large", "", "30"]
    told = run(typed=typed)
    assert told.count("]: ") == 7
    assert "  m7g.large has an ARM processor" in told
    text = config(here)
    assert 'c.EC2Spawner.region = "eu-central-1"' in text
    assert 'budgets = {"hub": 200}' in text and "home_size = 30\n" in text


def test_what_a_flag_says_is_not_asked(run):
    typed = ["", "", "", ""]
    assert run("--region=us-west-2", "--sizes=t3.large", typed=typed).count("]: ") == 4


def test_who_gives_up_finds_nothing_written(fails, here):
    assert "nothing is written" in fails(typed=["us-west-2"], status=130)
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--yes", "--region=mars"], "--region: AWS has no region 'mars': give one"),
        (["--yes", "--sizes=big"], "--sizes: 'big' is no instance type"),
        (["--yes", "--idle-minutes=1"], "--idle-minutes: '1' is no number of minutes"),
        (["a", "b"], "what is 'b'?"),
        ([], "there is no terminal to ask on: give --yes"),
    ],
)
def test_bad_input_gets_a_sentence(fails, here, words, sentence):
    assert sentence in fails(*words, status=2)
    assert not list(here.iterdir())


def test_nothing_is_overwritten_unless_somebody_says_so(run, fails, here):
    run("--yes")
    before = config(here)
    told = fails("--yes", "--home-size=99")
    assert "is there already: --overwrite writes a new one" in told
    assert "--template makes hub.yaml of it" in told
    assert "stays as it is" in fails(typed=[""])
    assert config(here) == before
    run("--yes", "--home-size=99", "--overwrite")
    assert config(here) != before
    run(typed=["yes", "", "", "", "", "", "", "y"])
    assert config(here) == before


def test_a_configuration_that_was_changed_makes_a_new_template(run, fails, here):
    run("--yes")
    path = here / "jupyterhub_config.py"
    path.write_text(config(here) + 'c.EC2Spawner.sizes = ["r7i.large"]\n')
    assert "hub.yaml is there already" in fails("--template")
    told = run("--template", "--overwrite")
    assert told.startswith("Written: hub.yaml\n")
    assert '"r7i.large"' in (here / "hub.yaml").read_text()
    assert run("--template")  # the same again


def test_where_there_is_no_configuration_no_template_is_made(fails):
    assert "jupyterhub_config.py" in fails("--template")


def test_what_only_a_start_tells_is_said_to_be_missing_in_the_policy(run, here, capsys):
    run("--yes")
    with (here / "jupyterhub_config.py").open("a") as file:
        file.write("c.EC2Spawner.sizes = {}\n")
        file.write("c.EC2Spawner.profile_list = lambda spawner: []\n")
    (here / "hub.yaml").unlink()
    app = InitApp()
    app.initialize(["--template"])
    app.start()
    assert "what profile_list will be" in capsys.readouterr().err
