"""Which addresses of repositories may reach git."""

import pytest

from ec2spawner.core.git_address import read_address

URL = "https://example.org/lab/hydro"


@pytest.mark.parametrize(
    "text, ref",
    [
        (URL, ""),
        (f"{URL}.git", ""),
        (f"{URL}/", ""),
        (f"{URL}@main", "main"),
        (f"{URL}.git@a/b-1.2", "a/b-1.2"),
    ],
)
def test_an_address_is_where_it_is_and_what_of_it(text, ref):
    assert read_address(text) == (URL, ref)


@pytest.mark.parametrize(
    "text",
    [
        *("", "hydro", "/home/ada", "--upload-pack=x", "ext::sh -c x"),
        *("http://example.org/a/b", "git@example.org:a/b", "file:///a/b"),
        *("https://ada:secret@example.org/a/b", f"{URL}@-x", f"{URL}@a/../b"),
        *(f"{URL}/../x", f"{URL}/-x", f"{URL} x", f"{URL}\n", "https://example.org"),
    ],
)
def test_what_is_no_address_by_https_without_a_password_is_refused(text):
    with pytest.raises(ValueError, match="is no address of a repository: write https"):
        read_address(text)
