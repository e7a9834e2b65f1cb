"""What was solved once is known: no index is asked, and the lock stays."""

import os
from dataclasses import replace

import pytest

from ec2spawner.admin.image.show_plan import as_dict, as_text
from ec2spawner.images.errors import ImageError
from ec2spawner.images.index import Indexes
from ec2spawner.images.plan import Wishes, make_plan
from ec2spawner.images.recipe import read_recipe
from ec2spawner.images.solved import (
    Question,
    Remembered,
    remembered_here,
    solve_once,
)

from .test_lock import make_index, wheel
from .test_plan import BASE, SOURCE, indexes  # noqa: F401

FILES = {"requirements.txt": "plain\n"}
#: no such port: whoever asks it fails
NOWHERE = Indexes("http://127.0.0.1:9/")


@pytest.fixture
def remembered(tmp_path):
    return Remembered(tmp_path / "locks")


def question(index, files=FILES, **more):
    return Question(read_recipe(files), index, "x86_64", **more)


@pytest.fixture
def gone(indexes, remembered, monkeypatch):  # noqa: F811
    """What was asked once, of an index that then cannot be reached any more."""
    asked = question(indexes)
    first = solve_once(asked, remembered=remembered)
    monkeypatch.setattr(
        "ec2spawner.images.solved._solve", lambda *_: pytest.fail("solved anew")
    )
    return asked, first


def test_the_same_question_again_is_answered_from_memory(gone, remembered):
    asked, first = gone
    again = solve_once(asked, remembered=remembered)
    assert first.at == 0.0 and again.at > 0
    assert replace(again, at=0.0) == first
    assert again.lock.lines == ("ipykernel==6.0", "plain==2.0")
    assert again.uv.url.startswith("http")


@pytest.mark.parametrize("what", ["files", "indexes", "python", "as_of", "processor"])
def test_any_other_question_is_a_new_one(gone, remembered, what):
    asked, _ = gone
    others = {
        "files": question(asked.indexes, {"requirements.txt": "plain<3\n"}),
        "indexes": question(NOWHERE),
        "python": replace(asked, python="3.12"),
        "as_of": replace(asked, as_of="2026-01-01"),
        "processor": replace(asked, processor="aarch64"),
    }
    with pytest.raises(pytest.fail.Exception, match="solved anew"):
        solve_once(others[what], remembered=remembered)


def test_whoever_wants_it_anew_gets_what_there_is_now_and_so_does_the_next(
    tmp_path, remembered, indexes  # noqa: F811
):
    files = make_index(tmp_path, wheel("plain", "1.0"), wheel("ipykernel", "6.0"))
    both = Indexes(indexes.first, files.all)
    asked = question(both, {"requirements.txt": "plain\nlater\n"})
    with pytest.raises(ImageError, match="later"):
        solve_once(asked, remembered=remembered)
    make_index(tmp_path, wheel("later", "1.0"))
    # What failed is not remembered.
    assert "later==1.0" in solve_once(asked, remembered=remembered).lock.lines
    make_index(tmp_path, wheel("later", "2.0"))
    assert "later==1.0" in solve_once(asked, remembered=remembered).lock.lines
    anew = solve_once(asked, remembered=remembered, anew=True)
    assert "later==2.0" in anew.lock.lines and anew.at == 0.0
    assert solve_once(asked, remembered=remembered).lock == anew.lock


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"lock": 3}', b"\xff" * 9])
def test_a_file_that_cannot_be_read_is_no_memory(
    remembered, tmp_path, indexes, content  # noqa: F811
):
    asked = question(indexes)
    first = solve_once(asked, remembered=remembered)
    (file,) = (tmp_path / "locks").iterdir()
    file.write_bytes(content)
    again = solve_once(asked, remembered=remembered)
    assert again == first and again.at == 0.0
    assert remembered.find(asked.digest) is not None


def test_a_folder_that_cannot_be_written_is_no_memory(tmp_path, indexes):  # noqa: F811
    (tmp_path / "file").write_text("")
    nowhere = Remembered(tmp_path / "file" / "locks")
    assert solve_once(question(indexes), remembered=nowhere).at == 0.0


def test_only_those_that_were_asked_for_last_are_kept(tmp_path, indexes):  # noqa: F811
    remembered = Remembered(tmp_path, most=2)
    solved = solve_once(question(indexes))
    for second, name in enumerate(("first", "second")):
        remembered.keep(name, solved)
        os.utime(tmp_path / f"{name}.json", (second, second))
    assert remembered.find("first") == solved
    remembered.keep("third", solved)
    assert {p.name for p in tmp_path.iterdir()} == {"first.json", "third.json"}


def test_it_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", "/nowhere")
    assert remembered_here()._folder == tmp_path / "ec2spawner" / "locks"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert str(remembered_here()._folder) == "/nowhere/.cache/ec2spawner/locks"


def test_a_plan_says_of_which_day_its_lock_is(indexes, remembered):  # noqa: F811
    def plan(**wishes):
        return make_plan(SOURCE, "lab", BASE, indexes, Wishes(**wishes), remembered)

    first, again, anew = plan(), plan(), plan(refresh=True)
    assert first.contents.key == again.contents.key == anew.contents.key
    assert "--refresh" not in as_text(first) and as_dict(first)["locked"] == ""
    day = as_dict(again)["locked"]
    assert f"The lock is of {day}" in as_text(again) and "--refresh" in as_text(again)
    assert "--refresh" not in as_text(anew)
