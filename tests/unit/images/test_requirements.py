"""requirements.txt as pip reads it."""

import pytest

from ec2spawner.images.requirements import names_of, pins, read_requirements


def read(text, **others):
    files = {"requirements.txt": text}
    files |= {f"{name}.txt": lines for name, lines in others.items()}
    return read_requirements("requirements.txt", files)


def test_lines_are_read_without_comments_hashes_and_breaks():
    found = read(
        "# all pinned\nnumpy==1.18.1 # an old one\n\nscipy \\\n  >=1.4\n"
        "pandas==1.0.1 --hash=sha256:aa --hash=sha256:bb\n"
        'tomli; python_version < "3.11"\n'
    )
    assert found.lines == (
        "numpy==1.18.1",
        "scipy >=1.4",
        "pandas==1.0.1",
        'tomli; python_version < "3.11"',
    )


def test_other_files_are_included_and_constrain():
    found = read("-r base.txt\n--constraint=c.txt\nb\n", base="a\nb\n", c="a==1\n")
    assert found.lines == ("a", "b")
    assert found.constraints == ("a==1",)


def test_indexes_are_kept_and_options_are_left_out_and_said():
    found = read("-i http://a/simple\n--extra-index-url http://b/\n--pre\na\n")
    assert found.indexes == ("http://a/simple", "http://b/")
    assert found.notes == ("requirements.txt: '--pre' is left out",)
    assert found.lines == ("a",)


@pytest.mark.parametrize("line", ["-e .", "-e .[test]", ".", "./lib", "file:lib"])
def test_the_repository_itself_is_left_out_and_said(line):
    found = read(f"{line}\na\n")
    assert found.lines == ("a",)
    assert found.notes == (f"requirements.txt: {line!r} is left out",)


def test_addresses_are_kept():
    git = "git+https://github.com/a/b@main"
    found = read(f"{git}#egg=spotpy\n-e {git}\nc @ {git}\nhttps://a/b.whl\n")
    assert found.lines == (
        f"spotpy @ {git}#egg=spotpy",
        git,
        f"c @ {git}",
        "https://a/b.whl",
    )
    assert names_of(found.lines) == ("spotpy", "c")


def test_pins_are_those_of_one_version():
    lines = ("A_b==1.0", "c>=1,==1.2", "d==1.*", "e", "f===3", "https://a/b.whl")
    assert pins(lines) == {"a-b": "1.0", "c": "1.2", "f": "3"}
