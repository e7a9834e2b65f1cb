import ast
import gzip
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim import agent
from ec2spawner.claim import user_data as module
from ec2spawner.claim.user_data import LIMIT, user_data
from ec2spawner.errors import EC2SpawnError


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_agent_reads_back_whatever_was_put_in(nonce, url):
    config = agent.read_config(user_data("launch", nonce, url, 480))
    assert (config["nonce"], config["hub_api_url"]) == (nonce, url)
    assert config["claim_timeout"] == 480


@given(st.text(max_size=200))
def test_no_value_becomes_code(url):
    plain = gzip.decompress(user_data("launch", "nonce", url, 480)).decode()
    assert plain.startswith("#!/usr/bin/env python3\n")
    agent_source = ast.dump(ast.parse(open(agent.__file__).read()))
    assert ast.dump(ast.parse(plain)) == agent_source


def test_it_fits_with_room_to_spare():
    assert len(user_data("l" * 40, "n" * 64, "https://" + "h" * 200, 480)) < LIMIT / 2


def test_what_does_not_fit_fails_before_ec2_is_asked(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 1000)
    with pytest.raises(EC2SpawnError, match="user-data would have"):
        user_data("launch", "nonce", "http://hub", 480)


def test_the_agent_is_one_file_of_python_3_8_and_its_standard_library():
    tree = ast.parse(open(agent.__file__).read(), feature_version=(3, 8))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)


def test_user_data_of_somebody_else_is_refused():
    with pytest.raises(agent.Failed, match="not ec2spawner's"):
        agent.read_config(b"#!/bin/sh\necho hello\n")
