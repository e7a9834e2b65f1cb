"""What package indexes have, as they say it."""

import http.server
import json
import sys
import threading
from types import SimpleNamespace

import pytest

from ec2spawner.images import index
from ec2spawner.images.errors import ImageError
from ec2spawner.images.index import (
    File,
    Indexes,
    configured_indexes,
    files_of,
    read_html,
    read_json,
)

JSON = json.dumps(
    {
        "files": [
            {
                "filename": "a-1.tar.gz",
                "url": "../../files/a-1.tar.gz",
                "hashes": {"sha256": "ab"},
                "requires-python": ">=3.8",
                "upload-time": "2020-02-05T00:00:00Z",
                "yanked": "bad",
            },
            {"filename": "a-2.tar.gz", "url": "http://f/a-2.tar.gz", "hashes": {}},
        ]
    }
)
HTML = """<a href="../../files/a-1.tar.gz#sha256=ab"
 data-requires-python="&gt;=3.8" data-yanked="bad">a-1.tar.gz</a>
<a href="http://f/a%2B2.tar.gz">x</a>"""


def test_pages_are_read_in_both_forms():
    at = "http://host/simple/a/"
    first, second = read_json(JSON, at)
    assert first == File(
        *("a-1.tar.gz", "http://host/files/a-1.tar.gz", "ab", ">=3.8"),
        *("2020-02-05T00:00:00Z", True),
    )
    assert second == File("a-2.tar.gz", "http://f/a-2.tar.gz")
    first, second = read_html(HTML, at)
    address = "http://host/files/a-1.tar.gz"
    assert first == File("a-1.tar.gz", address, "ab", ">=3.8", yanked=True)
    assert second == File("a+2.tar.gz", "http://f/a%2B2.tar.gz")


@pytest.fixture
def server():
    """An index that has a package ``a``, answers ``broken`` with 500."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/").split("/")[-1]
            status = {"a": 200, "broken": 500}.get(name, 404)
            self.send_response(status)
            kind = "application/vnd.pypi.simple.v1+json"
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(JSON.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/simple"
        serving.shutdown()


def test_each_index_is_asked_also_one_that_is_a_folder(server, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text(HTML)
    found = files_of(["A", "b"], Indexes(server, (tmp_path.as_uri(),)))
    assert [f.name for f in found["a"]] == ["a-1.tar.gz", "a-2.tar.gz"]
    assert len(found["b"]) == 2


def test_what_no_index_has_and_an_index_that_fails_are_told_apart(server):
    with pytest.raises(ImageError, match="no package index has a package 'nope'"):
        files_of(["nope"], Indexes(server))
    with pytest.raises(ImageError, match="at 127.0.0.1 does not answer .*500"):
        files_of(["broken"], Indexes(server))


def test_uvs_configuration_counts_before_pips(monkeypatch, tmp_path):
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(index, "_UV_FILES", ())
    said = {"index-url": "http://pip/simple", "extra-index-url": "http://b http://c"}
    monkeypatch.setattr(index, "_of_pip", lambda: said)
    assert configured_indexes().all == ("http://pip/simple", "http://b", "http://c")
    # Without a word of anybody it is what pip asks. Not every environment has a pip.
    asks = SimpleNamespace(PyPI=SimpleNamespace(simple_url="http://default/simple"))
    monkeypatch.setitem(sys.modules, "pip._internal.models.index", asks)
    monkeypatch.setattr(index, "_of_pip", dict)
    assert configured_indexes() == Indexes("http://default/simple")
    config = tmp_path / "uv.toml"
    config.write_text(
        '[[index]]\nurl = "http://more"\n[[index]]\nurl = "http://uv"\ndefault = true\n'
    )
    monkeypatch.setenv("UV_CONFIG_FILE", str(config))
    assert configured_indexes() == Indexes("http://uv", ("http://more",))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://first")
    monkeypatch.setenv("UV_INDEX", "named=http://second")
    assert configured_indexes() == Indexes("http://first", ("http://second",))


def test_machines_get_neither_files_of_this_computer_nor_passwords():
    indexes = Indexes("file:///simple", ("https://a/simple",))
    assert indexes.for_machines == Indexes("https://a/simple")
    with pytest.raises(ImageError, match="at a needs a password") as caught:
        Indexes("https://me:secret@a/simple").for_machines
    assert "secret" not in str(caught.value)
    with pytest.raises(ImageError, match="only files of this computer"):
        Indexes("file:///simple").for_machines
