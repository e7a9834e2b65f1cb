"""A repository as it is read: a folder, or git."""

import subprocess

import pytest

from ec2spawner.images.errors import ImageError
from ec2spawner.images.source import (
    as_name,
    name_of,
    read_source,
    split_ref,
    without_credentials,
    without_secrets,
)


def git(folder, *words):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "My Repo"
    (folder / "env").mkdir(parents=True)
    (folder / "env" / "requirements.txt").write_text("numpy\n")
    (folder / "run.py").write_text("import numpy\n")
    (folder / "data.csv").write_text("1\n")
    (folder / "link.txt").symlink_to("/etc/passwd")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_folder_is_read_as_it_is(repository):
    with read_source(str(repository)) as source:
        assert source.name == "my-repo"
        assert source.files == {"env/requirements.txt": "numpy\n"}
        assert source.code == {"run.py": "import numpy\n"}
        assert len(source.commit) == 40 and source.committed[:2] == "20"
    (repository / "run.py").write_text("import scipy\n")
    with read_source(str(repository)) as changed:
        assert changed.commit == f"{source.commit}-changed"
        assert changed.code == {"run.py": "import scipy\n"}


def test_a_commit_is_fetched_by_branch_or_not_at_all(repository):
    git(repository, "checkout", "-qb", "other")
    (repository / "env" / "requirements.txt").write_text("pandas\n")
    git(repository, "commit", "-qam", "second")
    url = repository.as_uri()
    with read_source(f"{url}@main") as source:
        assert source.files == {"env/requirements.txt": "numpy\n"}
        assert source.url == url
    with read_source(url, ref="other") as source:
        assert source.files == {"env/requirements.txt": "pandas\n"}
    with pytest.raises(ImageError, match="cannot be read .*look at the address"):
        with read_source(f"{url}@nothing"):
            pass


@pytest.mark.parametrize("source", ["no/such/folder", "ext::sh -c id", "-c=1"])
def test_what_is_neither_is_refused(source):
    with pytest.raises(ImageError, match="neither a folder nor the address"):
        with read_source(source):
            pass


def test_a_ref_is_no_option(repository):
    with pytest.raises(ImageError, match="no branch, tag or commit"):
        with read_source(repository.as_uri(), ref="--upload-pack=id"):
            pass


def test_addresses_are_taken_apart():
    assert split_ref("https://a/b/c@v1") == ("https://a/b/c", "v1")
    assert split_ref("https://me:pass@a/b") == ("https://me:pass@a/b", "")
    assert split_ref("git@host:a/b.git") == ("git@host:a/b.git", "")
    assert without_credentials("https://me:pass@a:8/b") == "https://a:8/b"
    assert without_credentials("git@host:a/b") == "git@host:a/b"
    assert without_secrets(["at https://me:pass@a/b"]) == "at https://a/b"
    assert name_of("https://a/b/DHSVM-opt.git/") == "DHSVM-opt"
    assert name_of("git@host:lab.git") == "lab"
    assert as_name("DHSVM_opt 2") == "dhsvm-opt-2"
    assert as_name("---") == "image"
