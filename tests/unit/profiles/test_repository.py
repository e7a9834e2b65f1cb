"""Which repositories a hub builds from, and what never reaches git."""

import pytest

from ec2spawner.profiles.repository import (
    Repository,
    has_wildcard,
    read_repository,
    sources_pattern,
)

LAB = ["https://github.com/our-lab/*"]
URL = "https://github.com/our-lab/hydro"


@pytest.mark.parametrize(
    "text, ref",
    [
        (URL, ""),
        (f"{URL}.git", ""),
        (f"{URL}/", ""),
        (f"{URL}@main", "main"),
        (f"{URL}.git@v1.0", "v1.0"),
        (f"{URL}@feature/x+y", "feature/x+y"),
        (f"{URL}@{'a' * 40}", "a" * 40),
    ],
)
def test_one_repository_is_one_whatever_the_way_of_writing(text, ref):
    assert read_repository(text, LAB) == Repository(URL, ref)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hydro",
        "https://github.com/our-lab",
        "https://github.com/our-lab/",
        "https://github.com/our-lab/.git",
        "https://github.com/our-lab/..",
        "https://github.com/our-lab/../other/hydro",
        "https://github.com/our-lab/-x",
        "https://github.com/our-lab/hydro/more",
        "https://github.com/our-lab/%2e%2e",
        "https://github.com/our-lab/a b",
        "https://github.com/our-lab-2/hydro",
        "https://github.com.evil.org/our-lab/hydro",
        "https://evil.org/https://github.com/our-lab/hydro",
        "https://user:password@github.com/our-lab/hydro",
        "https://github.com@evil.org/our-lab/hydro",
        "https://github.com:22/our-lab/hydro",
        "https://GITHUB.com/our-lab/hydro",
        "http://github.com/our-lab/hydro",
        "git://github.com/our-lab/hydro",
        "ssh://github.com/our-lab/hydro",
        "git@github.com:our-lab/hydro",
        "file:///our-lab/hydro",
        "ext::sh -c true",
        "/etc",
        ".",
        "--upload-pack=true",
        f" {URL}",
        f"{URL} ",
        f"{URL}\n",
        f"{URL}\nhttps://evil.org/x",
        f"{URL}?x=1",
        f"{URL}#main",
        f"{URL}@",
        f"{URL}@-x",
        f"{URL}@--upload-pack=x",
        f"{URL}@a..b",
        f"{URL}@a b",
        f"{URL}@main@evil",
        f"{URL}@HEAD~1",
        f"{URL}@{'a' * 201}",
        "https://github.com/our-lab/hydr\N{LATIN SMALL LETTER O WITH DIAERESIS}",
    ],
)
def test_nothing_else_is_one(text):
    with pytest.raises(ValueError, match="is not one of https://github.com"):
        read_repository(text, LAB)


def test_a_star_stands_for_any_name_and_never_for_a_slash():
    anybody = ["https://git.example.org:8443/*/env-*"]
    found = read_repository("https://git.example.org:8443/ada/env-x@1", anybody)
    assert found == Repository("https://git.example.org:8443/ada/env-x", "1")
    for other in ("ada/x", "a/b/env-x", "env-x", "-a/env-x"):
        with pytest.raises(ValueError):
            read_repository(f"https://git.example.org:8443/{other}", anybody)


def test_any_of_the_sources_will_do_and_none_is_none():
    both = [*LAB, "https://example.org/hydro.git"]
    assert read_repository("https://example.org/hydro", both)
    assert read_repository(URL, both)
    with pytest.raises(ValueError):
        read_repository(URL, [])
    assert has_wildcard(both) and not has_wildcard(both[1:])


@pytest.mark.parametrize(
    "source",
    [
        "*",
        "https://*",
        "https://*/x",
        "https://*.org/x/y",
        "https://github.com",
        "https://github.com/",
        "http://github.com/x",
        "https://u:p@github.com/x",
        "https://github.com/a b",
        "https://github.com/(a|b)",
        "https://github.com/../x",
        "https://github.com/.x",
        "github.com/our-lab/*",
    ],
)
def test_a_source_that_is_no_address_is_refused(source):
    with pytest.raises(ValueError, match="our|address|begins"):
        sources_pattern([source])


def test_what_it_is_called_is_what_a_user_has_written():
    assert str(Repository(URL, "main")) == f"{URL}@main"
    assert str(Repository(URL)) == URL
