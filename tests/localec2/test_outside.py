"""The way out of a VPC to package registries: what passes, and who learns of it."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request

import pytest

from localec2 import LocalSettings
from localec2.net import outside, this_computer
from localec2.net.outside import Outside
from localec2.net.proxy import is_on, read_head, split_place

from .registry import WHEEL, make_index, registry


@pytest.fixture
def place(tmp_path):
    make_index(tmp_path / "index")
    with registry(tmp_path / "index") as where:
        yield where


@pytest.fixture
def way(tmp_path):
    """A way out without machines: its proxy is on this computer's loopback."""
    made = Outside("test-outside", "127.0.0.1", tmp_path / "outside")
    yield made
    made.close()


def test_what_apt_on_machines_is_configured_for_is_found_in_their_root(tmp_path):
    more = tmp_path / "etc/apt/sources.list.d"
    more.mkdir(parents=True)
    old = "# deb http://gone.example/d x\ndeb [arch=amd64] http://a.example/d x main\n"
    (more.parent / "sources.list").write_text(old)
    (more / "new.sources").write_text("Types: deb\nURIs: https://b.example/s\n")
    found = this_computer.apt_of([tmp_path, tmp_path / "none"])
    assert found == ["http://a.example/d", "https://b.example/s"]


def allowing(*places):
    return LocalSettings(machines="nspawn", outside=places)


def through(way, url):
    handler = urllib.request.ProxyHandler({"http": way.url, "https": way.url})
    with urllib.request.build_opener(handler).open(url, timeout=10) as answer:
        return answer.read()


def tunnel(way, place):
    host, port = split_place(place)
    connection = http.client.HTTPConnection(*split_place(way.url[7:]), timeout=10)
    connection.set_tunnel(host, port)
    return connection


def test_what_is_on_the_list_is_reached_and_nothing_else(way, place):
    way.allow(allowing(place))
    page = through(way, f"http://{place}/simple/snowpack/")
    assert WHEEL.encode() in page
    connection = tunnel(way, place)
    connection.request("GET", f"/simple/snowpack/{WHEEL}")
    assert connection.getresponse().read()[:2] == b"PK"
    connection.close()
    host = split_place(place)[0]
    for elsewhere in (f"{host}:9", "localhost:443"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            through(way, f"http://{elsewhere}/simple/")
        assert caught.value.code == 403
        assert (
            caught.value.read().decode().startswith(f"{elsewhere} is not in `outside`")
        )
        with pytest.raises(OSError, match="403 Forbidden"):
            tunnel(way, elsewhere).connect()


def test_the_list_can_be_changed_and_taken_away_while_machines_run(way, place):
    way.allow(allowing(place))
    through(way, f"http://{place}/simple/snowpack/")
    # The same address: what machines were told stays true.
    url = way.url

    def refused():
        with pytest.raises(urllib.error.HTTPError) as caught:
            through(way, f"http://{place}/simple/snowpack/")
        return caught.value.code == 403

    way.allow(LocalSettings(machines="nspawn"))
    assert refused() and way.url == url
    way.allow(allowing(f"127.0.0.*:{split_place(place)[1]}"))
    through(way, f"http://{place}/simple/snowpack/")


def test_a_place_that_does_not_answer_is_told_from_one_that_is_refused(way):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    way.allow(allowing(f"127.0.0.1:{port}"))
    with pytest.raises(OSError, match="502 Bad Gateway"):
        tunnel(way, f"127.0.0.1:{port}").connect()


def test_a_request_for_the_proxy_itself_is_refused(way, place):
    way.allow(allowing(place))
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{way.url}/simple/")
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"CONNECT Index.Test:443 HTTP/1.1\r\n\r\n", ("index.test", 443, b"")),
        (
            b"GET http://index.test/a?b=c HTTP/1.1\r\nHost: index.test\r\n"
            b"Proxy-Authorization: Basic eA==\r\nConnection: keep-alive\r\n\r\n",
            (
                "index.test",
                80,
                b"GET /a?b=c HTTP/1.1\r\nHost: index.test\r\nConnection: close\r\n\r\n",
            ),
        ),
    ],
)
def test_what_is_sent_on_of_a_request(head, expected):
    assert read_head(head) == expected


def test_a_list_names_hosts_with_wildcards_and_one_port_each():
    allowed = ("*.index.test:443", "files.test:80")
    assert is_on(allowed, "a.index.test", 443) and is_on(allowed, "files.test", 80)
    for host, port in (("index.test", 443), ("a.index.test", 80), ("files.test", 443)):
        assert not is_on(allowed, host, port)


@pytest.mark.parametrize("wrong", ["index.test", "", "u:p@index.test:443", "a:b"])
def test_a_list_with_what_is_no_place_is_refused(way, wrong):
    with pytest.raises(ValueError):
        way.allow(allowing(wrong))


def test_only_machines_without_a_network_of_this_computers_need_a_way_out():
    with pytest.raises(ValueError, match="needs machines='nspawn'"):
        LocalSettings(outside=("index.test:443",))


def test_a_machine_is_told_of_proxy_index_and_certificates_where_programs_look():
    settings = LocalSettings(
        machines="nspawn",
        outside=("index.test:443",),
        index_urls=("https://index.test/simple", "https://more.test/50%25"),
        ca_bundle="/somewhere",
    )
    written = outside.files(settings, "http://10.0.0.3:3128", "localhost,10.0.0.3")
    told = written["etc/environment"]
    for line in (
        'HTTPS_PROXY="http://10.0.0.3:3128"',
        'no_proxy="localhost,10.0.0.3"',
        'PIP_INDEX_URL="https://index.test/simple"',
        'UV_DEFAULT_INDEX="https://index.test/simple"',
        'PIP_EXTRA_INDEX_URL="https://more.test/50%25"',
        f'SSL_CERT_FILE="/{outside.CERTIFICATES}"',
    ):
        assert line in told.splitlines()
    manager = written["etc/systemd/system.conf.d/90-outside.conf"]
    # A % begins something else in systemd's configuration.
    assert 'DefaultEnvironment="UV_INDEX=https://more.test/50%%25"' in manager
    assert (
        'Acquire::http::Proxy "http://10.0.0.3:3128";'
        in written["etc/apt/apt.conf.d/90-outside"]
    )


def test_pips_configuration_is_read_as_pip_reads_it():
    text = (
        ":env:.cert='/env.pem'\n"
        "global.cert='/global.pem'\n"
        "global.index-url='https://index.test/simple'\n"
        "global.extra-index-url='file:///srv/simple\\nhttps://more.test/simple'\n"
        "download.timeout='5'\n"
    )
    pip = this_computer.pip_configuration(text)
    assert (pip["cert"], pip["timeout"]) == ("/env.pem", "5")
    expected = ("https://index.test/simple", "https://more.test/simple")
    assert this_computer.index_urls(pip) == expected


def test_an_index_with_a_password_is_not_handed_to_machines():
    url = "https://someone:secret@index.test/simple"
    assert this_computer.index_urls({"index-url": url}) == ()


@pytest.mark.parametrize(
    "page",
    [
        '<a href="../../files/pip.whl#sha256=0">a</a> <a href="https://f.test/p">b</a>',
        '{"files": [{"url": "/files/pip.whl"}, {"url": "https://f.test/p"}]}',
    ],
)
def test_an_index_says_itself_where_its_files_are(page):
    asked = []

    def fetch(url):
        asked.append(url)
        return page

    found = this_computer.places_of_files("http://index.test:8080/simple", fetch)
    assert found == ["index.test:8080", "f.test:443"]
    assert asked == ["http://index.test:8080/simple/pip/"]
