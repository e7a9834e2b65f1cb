"""``ec2spawner image build`` as an admin calls it, up to the machine."""

import json
import shutil

import pytest

from ec2spawner.admin.image.build import BuildApp
from localec2 import Fault

from ..unit.images.test_plan import indexes  # noqa: F401

CONFIG = """
c.JupyterHub.spawner_class = "ec2"
c.EC2Spawner.hub_id = "lab-hub"
c.EC2Spawner.region = {region!r}
c.EC2Spawner.endpoint_url = {url!r}
c.EC2Spawner.image = {image!r}
"""


@pytest.fixture
def call(cloud, ec2, tmp_path, monkeypatch, capsys, indexes):  # noqa: F811
    """Call the command; its exit code, and what it has printed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    image = ec2.resources().image_id
    text = CONFIG.format(region=cloud.region, url=cloud.endpoint_url, image=image)
    (tmp_path / "jupyterhub_config.py").write_text(text)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "requirements.txt").write_text("fast==1.0\n")

    def run(*words):
        app = BuildApp()
        with pytest.raises(SystemExit) as ended:
            app.initialize(list(words))
            app.start()
            raise SystemExit(0)
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    yield lambda *words: run(*words, f"--index={indexes.first}")
    shutil.rmtree(tmp_path / "lab", ignore_errors=True)


def test_a_plan_costs_nothing(call, ec2):
    code, out, err = call("lab", "--plan")
    assert (code, err) == (0, "")
    assert "Python 3.9: the newest for which the pins have wheels" in out
    assert "2 packages: fast==1.0 ipykernel==6.0" in out
    assert "Nothing was built." in out
    assert {r.action for r in ec2.requests()} == {"DescribeImages"}
    code, out, _ = call("lab", "--plan", "--json")
    (plan,) = map(json.loads, out.splitlines())
    assert plan["event"] == "plan" and plan["lock"] == ["fast==1.0", "ipykernel==6.0"]


def test_what_cannot_be_built_costs_nothing_and_says_what_to_do(call, ec2, tmp_path):
    (tmp_path / "lab" / "requirements.txt").write_text("fast==1.0\nplain<1\n")
    code, _, err = call("lab")
    assert code == 1 and "no versions of the packages go together" in err
    assert "plain" in err and err.count("\n") == 1
    assert {r.action for r in ec2.requests()} == {"DescribeImages"}


@pytest.mark.parametrize(
    "words, code, complaint",
    [
        ([], 2, "which repository?"),
        (["lab", "more"], 2, "what is 'more'?"),
        (["lab", "--nonsense"], 2, "there is no option --nonsense"),
        (["no-such-folder"], 1, "neither a folder nor the address"),
        (["lab", "--base=ubuntu"], 1, "set it to 'ami-...'"),
    ],
)
def test_mistakes_are_one_plain_line(call, words, code, complaint):
    found, _, err = call(*words)
    assert found == code and complaint in err and err.count("\n") == 1


def test_a_builder_that_ec2_has_no_room_for_is_one_plain_line(call, ec2):
    before = {machine.instance_id for machine in ec2.machines()}
    refused = ("InsufficientInstanceCapacity", 500)
    ec2.add_fault(Fault("RunInstances", error=refused))
    code, _, err = call("lab")
    assert code == 1 and "InsufficientInstanceCapacity" in err
    assert {machine.instance_id for machine in ec2.machines()} == before
