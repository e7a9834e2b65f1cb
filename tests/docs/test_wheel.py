"""What is installed from an index is all that the packages are made of, and no more."""

import subprocess
import zipfile
from email import message_from_bytes

import pytest
from packaging.requirements import Requirement

from ..wheel import PACKAGES, make_wheel
from .configs import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    with zipfile.ZipFile(make_wheel(tmp_path_factory.mktemp("wheel"))) as opened:
        yield opened


def about(wheel, name):
    (path,) = [each for each in wheel.namelist() if each.endswith(f"dist-info/{name}")]
    return wheel.read(path)


def test_it_has_every_file_of_the_packages_and_none_of_anything_else(wheel):
    known = ["git", "-C", str(ROOT), "ls-files", "--", *PACKAGES]
    wanted = subprocess.check_output(known, text=True).split()
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    # A file of templates or scripts that pyproject.toml does not name is missed here.
    assert found == set(wanted)


def test_its_licence_comes_along_and_its_command_and_spawner_are_found(wheel):
    assert b"BSD" in about(wheel, "licenses/LICENSE")
    points = about(wheel, "entry_points.txt").decode()
    assert "ec2spawner = ec2spawner.cli:main" in points
    assert "ec2 = ec2spawner.spawner:EC2Spawner" in points


def test_a_hub_installs_few_packages_with_it(wheel):
    needed = message_from_bytes(about(wheel, "METADATA")).get_all("Requires-Dist")
    asked = [Requirement(each) for each in needed]
    of_hub = {each.name for each in asked if not each.marker}
    few = {"boto3", "jinja2", "jupyterhub", "jupyterhub-idle-culler", "pydantic"}
    # Which JupyterHub installs itself.
    hubs_own = {"certipy", "cryptography", "traitlets"}
    assert of_hub == few | hubs_own
