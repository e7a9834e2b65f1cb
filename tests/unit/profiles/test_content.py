"""Which repository's files a home gets."""

import pytest
from traitlets import TraitError

from ec2spawner.profiles.content import content_of
from ec2spawner.settings import LaunchSettings

URL = "https://example.org/lab/hydro"


@pytest.mark.parametrize(
    "settings, url, ref",
    [
        ({"content": f"{URL}@main"}, URL, "main"),
        # Whose packages the image has.
        ({"repository": f"{URL}.git@v1"}, URL, "v1"),
        ({"repository": "https://example.org/a/b", "content": URL}, URL, ""),
    ],
)
def test_it_is_what_is_set_or_else_that_of_the_image(settings, url, ref):
    found = content_of(LaunchSettings(**settings))
    assert found == {"url": url, "ref": ref, "folder": "hydro"}


@pytest.mark.parametrize("more", [{}, {"repository": URL}])
def test_there_may_be_none(more):
    assert content_of(LaunchSettings(content="", **more)) == {}


def test_if_nothing_is_set_the_machine_brings_what_its_image_has():
    assert content_of(LaunchSettings()) == {"url": "", "ref": "", "folder": ""}


def test_what_is_no_address_is_refused_when_it_is_set():
    with pytest.raises(TraitError, match="content: 'hydro' is no address of a repos"):
        LaunchSettings(content="hydro")
