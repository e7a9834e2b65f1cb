"""The agent's files on the machine, when it is killed at the worst moment."""

import os

import pytest

from ec2spawner.claim.agent import commands


def test_a_private_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "orders"
    fdopen = os.fdopen

    def killed(fd, mode):
        fdopen(fd, mode).close()
        raise KeyboardInterrupt  # before a byte is written

    monkeypatch.setattr(commands.os, "fdopen", killed)
    with pytest.raises(KeyboardInterrupt):
        commands.write_private(str(path), "{}")
    assert not path.exists()  # else it would be taken for the orders of this boot
    monkeypatch.undo()
    for text in ("{}", "once more"):
        commands.write_private(str(path), text)
        assert path.read_text() == text
        assert path.stat().st_mode & 0o777 == 0o400
    assert [p.name for p in tmp_path.iterdir()] == ["orders"]
