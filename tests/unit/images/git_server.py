"""A git server by https, as small as can be: git's own, behind Python's."""

from __future__ import annotations

import datetime
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(folder: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """Of localhost and an address: certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ip_address(address))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def commit(folder: Path, files: dict[str, str]) -> None:
    """A repository with one commit more."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (
        ["init", "--quiet", "--initial-branch=main", "."],
        ["add", "--all"],
        [*who, "commit", "--quiet", "--allow-empty", "--message=more"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)


class GitServer:
    """Repositories below a folder, at ``url/NAME``. What was asked is kept.

    ``url/moved/NAME`` leads to ``url/NAME``, and ``url/private/NAME`` wants a password.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        #: path, and the Authorization header
        self.asked: list[tuple[str, str]] = []

    def commit(self, name: str, files: dict[str, str]) -> str:
        (self.folder / name).mkdir(exist_ok=True)
        commit(self.folder / name, files)
        return f"{self.url}/{name}"


@contextmanager
def git_server(folder: Path, address: str = "127.0.0.1") -> Iterator[GitServer]:
    """With its certificate at ``folder/cert.pem``.

    :param address: of this computer
    """
    cert, key = certificate(folder, address)

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers.get("Authorization", "")))
            if self.path.startswith("/moved/"):
                return self._refuse(302, "Location", self.path.removeprefix("/moved"))
            if self.path.startswith("/private/"):
                return self._refuse(401, "WWW-Authenticate", 'Basic realm="git"')
            path, query = urlsplit(self.path)[2:4]
            length = int(self.headers.get("Content-Length") or 0)
            done = subprocess.run(
                ["git", "http-backend"],
                input=self.rfile.read(length),
                stdout=subprocess.PIPE,
                env={
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(length),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                },
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            named = dict(fields)
            self.send_response(int(named.pop("Status", "200").split()[0]))
            for name, value in {**named, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def _refuse(self, code: int, name: str, value: str) -> None:
            self.send_response(code)
            self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http.server.ThreadingHTTPServer((address, 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        host = "localhost" if address == "127.0.0.1" else address
        made = GitServer(folder, f"https://{host}:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()
