"""A person's browser in code: log in, choose, wait, work in a notebook, stop.

It goes where a browser goes, through the Hub's proxy, with cookies and forms. For
the check of the demo, and for tests.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from yarl import URL

from .kernel import KernelFailed, execute
from .page import read_error, read_form

_NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
_FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
_GONE_WRONG = 400
_POLL_SECONDS = 0.1
_FORGETFUL_SECONDS = 5
#: the Hub writes something to an event stream every eight seconds
_STREAM = aiohttp.ClientTimeout(total=None, sock_read=30)


class LoginFailed(Exception):
    """The Hub did not let the visitor in."""


class SpawnFailed(Exception):
    """A server did not start. The messages are what the page shows."""

    def __init__(self, message: str, html_message: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.html_message = html_message


class Visitor:
    """One person with one browser. An async context manager.

    :param public_url: where the Hub's proxy answers, the Hub's base URL included
    :param name: the name to log in with
    :param password: the password to log in with
    """

    def __init__(self, public_url: str, name: str, password: str) -> None:
        self.public_url = URL(
            public_url if public_url.endswith("/") else f"{public_url}/"
        )
        self.name = name
        self._password = password
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Visitor:
        # unsafe: keep the cookies of a host that is an IP address, too
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=60),
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- addresses -------------------------------------------------------------

    def hub_url(self, path: str) -> URL:
        return self._url(f"hub/{path}")

    def server_url(self, server_name: str = "", path: str = "") -> URL:
        """Where the server answers, through the proxy."""
        server = f"{quote(server_name)}/" if server_name else ""
        return self._url(f"user/{self._user}/{server}{path}")

    def _url(self, path: str) -> URL:
        # Encoded by us: the proxy routes by what the Hub has escaped.
        return URL(f"{self.public_url}{path}", encoded=True)

    @property
    def _user(self) -> str:
        return quote(self.name, safe="@~")

    # -- in --------------------------------------------------------------------

    async def log_in(self) -> None:
        """Fill in the login form.

        :raises LoginFailed: with the words of the page
        """
        status, page = await self._get(self.hub_url("login"))
        form = read_form(page)
        if form is None or "password" not in form.fields:
            raise LoginFailed(f"HTTP {status}, and no login form")
        form.fields |= {"username": self.name, "password": self._password}
        # Not followed: without a form, the page behind it starts a server.
        async with self._open.post(
            self.public_url.join(URL(form.action)),
            data=form.fields,
            headers=self._headers(_NAVIGATE),
            allow_redirects=False,
        ) as answer:
            if answer.status != 302:
                page = await answer.text()
                raise LoginFailed(f"HTTP {answer.status}: wrong name or password?")
        await self._get(self.hub_url("home"))
        status, who = await self.api("GET", "/user")
        if status != 200:
            raise LoginFailed(f"HTTP {status}: {who}")
        # The Hub may write it in another way, in lower case for example.
        self.name = who["name"]

    # -- spawn -----------------------------------------------------------------

    async def form(self, server_name: str = "") -> str:
        """The spawn page, as HTML."""
        _, page = await self._get(self._spawn_url(server_name))
        return page

    async def choose(
        self,
        profile: str | None,
        server_name: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> str:
        """Pick a profile on the spawn page and press Start.

        :param profile: the value of the radio button; None leaves the page's choice
        :param fields: what else to put into the form's fields
        :returns: the HTML of the page that one lands on
        :raises SpawnFailed: when that page shows an error
        """
        status, page = await self._get(self._spawn_url(server_name))
        form = read_form(page, "spawn_form")
        if form is None:
            # A hub without profiles starts the server at once.
            return self._landed(status, page)
        if profile is not None:
            form.fields["profile"] = profile
        form.fields.update(fields or {})
        body: Any = form.fields
        if form.multipart and form.fields:
            body = aiohttp.FormData(default_to_multipart=True)
            for name, value in form.fields.items():
                body.add_field(name, value)
        async with self._open.post(
            self.public_url.join(URL(form.action, encoded=True)),
            data=body,
            headers=self._headers(_NAVIGATE),
            max_redirects=20,
        ) as answer:
            return self._landed(answer.status, await answer.text())

    def _landed(self, status: int, page: str) -> str:
        error = read_error(page)
        if error is not None:
            raise SpawnFailed(*error)
        if status >= _GONE_WRONG:
            raise SpawnFailed(f"HTTP {status}")
        return page

    async def progress(self, server_name: str = "") -> AsyncIterator[dict[str, Any]]:
        """The events that move the progress page, from the first to the last.

        :raises SpawnFailed: when there is no start to follow
        """
        async with self._open.get(
            self.hub_url(f"api{self._api_path(server_name)}/progress"),
            headers=self._headers(_FETCH, self.hub_url("api")),
            timeout=_STREAM,
        ) as answer:
            if answer.status != 200:
                raise SpawnFailed(_reason(answer.status, await answer.text()))
            async for line in answer.content:
                if line.startswith(b"data:"):
                    yield jsonlib.loads(line.removeprefix(b"data:"))

    async def ready(
        self,
        server_name: str = "",
        timeout: float = 120,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
    ) -> list[dict[str, Any]]:
        """Follow the progress until the server is ready.

        A browser connects again when the stream breaks off, and so does this: the
        events returned are those of the last connection, which replays them all.

        :param on_event: is told of each event when it comes
        :raises SpawnFailed: with the words of the progress page
        :raises asyncio.TimeoutError: after ``timeout`` seconds without an end
        """
        end = time.monotonic() + timeout
        patience = time.monotonic() + _FORGETFUL_SECONDS
        events: list[dict[str, Any]] = []
        while (left := end - time.monotonic()) > 0:
            try:
                events = []
                following = self._follow(server_name, events, on_event)
                await asyncio.wait_for(following, left)
            except aiohttp.ClientError:  # first: aiohttp's time-outs are both
                await asyncio.sleep(_POLL_SECONDS)
                continue
            except asyncio.TimeoutError:
                break
            except SpawnFailed as e:
                # While it clears up after a start that failed, the Hub forgets for
                # a moment that there was one (JupyterHub 6.1, SpawnProgressAPI).
                if "is not starting" not in e.message or time.monotonic() > patience:
                    raise
                await asyncio.sleep(_POLL_SECONDS)
                continue
            last = events[-1] if events else {}
            if last.get("failed"):
                text = str(last.get("message", "")).removeprefix("Spawn failed: ")
                raise SpawnFailed(text, str(last.get("html_message", "")))
            if last.get("ready"):
                return events
            await asyncio.sleep(_POLL_SECONDS)
        steps = events[-1].get("message") if events else "none"
        raise asyncio.TimeoutError(
            f"not ready in {timeout:g} s; the last step was: {steps}"
        )

    async def _follow(
        self,
        server_name: str,
        events: list[dict[str, Any]],
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        async for event in self.progress(server_name):
            events.append(event)
            on_event(event)

    # -- work ------------------------------------------------------------------

    async def open_lab(self, server_name: str = "") -> str:
        """Open JupyterLab through the proxy, with the OAuth round; its HTML.

        :raises SpawnFailed: when something else than JupyterLab answers
        """
        status, page = await self._get(self.server_url(server_name, "lab"))
        if status != 200 or "jupyter-config-data" not in page:
            error = read_error(page)
            raise SpawnFailed(*(error or (f"HTTP {status} and no JupyterLab",)))
        return page

    async def run_cell(
        self,
        code: str,
        server_name: str = "",
        kernel_id: str | None = None,
        timeout: float = 60,
        kernel: str = "python3",
    ) -> tuple[str, str]:
        """Run code in a kernel, over the websocket through the proxy.

        :param kernel_id: a kernel that runs already; None starts one
        :param kernel: which one, by its name
        :returns: the text it puts out and the id of its kernel
        :raises KernelFailed: when there is no kernel, or the socket closes
        :raises asyncio.TimeoutError: after ``timeout`` seconds without an answer
        """
        api = self.server_url(server_name, "api/kernels")
        if "_xsrf" not in self._open.cookie_jar.filter_cookies(api):
            await self.open_lab(server_name)
        if kernel_id is None:
            kernel_id = await self._start_kernel(api, kernel)
        channels = URL(f"{api}/{kernel_id}/channels", encoded=True)
        session = uuid4().hex
        socket = await self._open.ws_connect(
            channels.with_query(session_id=session),
            origin=str(self.public_url.origin()),
            max_msg_size=0,
        )
        async with socket:
            try:
                text = await asyncio.wait_for(execute(socket, code, session), timeout)
            except asyncio.TimeoutError:
                raise asyncio.TimeoutError(
                    f"the cell did not end in {timeout:g} s"
                ) from None
        return text, kernel_id

    async def _start_kernel(self, api: URL, name: str) -> str:
        async with self._open.post(
            api, json={"name": name}, headers=self._headers(_FETCH, api)
        ) as answer:
            if answer.status != 201:
                why = _reason(answer.status, await answer.text())
                raise KernelFailed(f"no kernel starts: {why}")
            return str((await answer.json())["id"])

    # -- out -------------------------------------------------------------------

    async def stop(self, server_name: str = "", timeout: float = 60) -> None:
        """Stop the server and wait until the Hub says that it is gone.

        :raises asyncio.TimeoutError: after ``timeout`` seconds
        """
        end = time.monotonic() + timeout
        path = self._api_path(server_name)
        status, answer = await self.api("DELETE", path)
        if status >= _GONE_WRONG and status != 404:
            raise RuntimeError(f"the Hub does not stop the server: {answer}")
        while server_name in await self._servers():
            if time.monotonic() > end:
                raise asyncio.TimeoutError(
                    f"the server is still there after {timeout:g} s"
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _servers(self) -> dict[str, Any]:
        """The servers that run, start or stop, by name."""
        status, user = await self.api("GET", f"/users/{self._user}")
        if status != 200:
            raise RuntimeError(f"the Hub does not tell the servers: {user}")
        return {
            name: model
            for name, model in user.get("servers", {}).items()
            if not model.get("stopped")
        }

    async def api(self, method: str, path: str, json: Any = None) -> tuple[int, Any]:
        """Call the Hub's API as its own pages do, with cookies and no token.

        :param path: what follows ``/hub/api``
        :returns: the HTTP status and the answer: JSON, else text, None when empty
        """
        async with self._open.request(
            method,
            self.hub_url(f"api{path}"),
            json=json,
            headers=self._headers(_FETCH, self.hub_url("api")),
        ) as answer:
            text = await answer.text()
            try:
                return answer.status, jsonlib.loads(text) if text else None
            except ValueError:
                return answer.status, text

    # -- parts -----------------------------------------------------------------

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use it as: async with Visitor(...) as visitor")
        return self._session

    def _api_path(self, server_name: str) -> str:
        if not server_name:
            return f"/users/{self._user}/server"
        return f"/users/{self._user}/servers/{quote(server_name)}"

    def _spawn_url(self, server_name: str) -> URL:
        end = f"/{quote(server_name)}" if server_name else ""
        return self.hub_url(f"spawn/{self._user}{end}")

    def _headers(self, kind: dict[str, str], xsrf_of: URL | None = None) -> Any:
        headers = {**kind, "Sec-Fetch-Site": "same-origin"}
        if xsrf_of is not None:
            cookie = self._open.cookie_jar.filter_cookies(xsrf_of).get("_xsrf")
            if cookie is not None:
                headers["X-XSRFToken"] = cookie.value
        return headers

    async def _get(self, url: URL) -> tuple[int, str]:
        async with self._open.get(
            url, headers=self._headers(_NAVIGATE), max_redirects=20
        ) as answer:
            return answer.status, await answer.text()


def _reason(status: int, text: str) -> str:
    """What an API answer says went wrong."""
    try:
        return str(jsonlib.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status} {text[:200]}".strip()
