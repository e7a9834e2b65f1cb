"""What a server would do on a machine of an image: it starts, and kernels compute."""

from __future__ import annotations

import json
import os
import shutil

from .commands import Failed, Machine

SINGLEUSER = "jupyterhub-singleuser"
# Run by the server's own Python: its Jupyter has tornado. It is the Hub that the server
# asks, and the user whose browser it answers.
TRIAL = """\
import asyncio, json, os, secrets, socket, subprocess, sys, tempfile, time, uuid
from tornado import httpclient, web, websocket
token = secrets.token_hex(16)
class Hub(web.RequestHandler):
    def check_xsrf_cookie(self): pass
    def set_default_headers(self): self.set_header("X-JupyterHub-Version", sys.argv[2])
    def get(self, what=""):
        if not what:
            return self.write({"version": sys.argv[2]})
        if self.request.headers.get("Authorization", "").split()[-1:] != [token]:
            raise web.HTTPError(403)
        self.write({"kind": "user", "name": "test", "admin": False, "groups": [],
                    "scopes": ["access:servers!server=test/"], "session_id": None})
    post = get
def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
async def until(log, server, client, url, headers):
    end = time.monotonic() + 180
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            return await client.fetch(url + "api/status", headers=headers)
        except OSError:
            await asyncio.sleep(0.5)
        except httpclient.HTTPClientError as e:
            if e.code not in (502, 503, 599):
                raise
            await asyncio.sleep(0.5)
    log.seek(0)
    print(log.read()[-2000:])
    sys.exit("the server does not start")
async def compute(client, url, headers, name, spec):
    body = json.dumps({"name": name})
    made = await client.fetch(url + "api/kernels", method="POST", body=body,
                              headers=headers, request_timeout=120)
    kernel = json.loads(made.body)["id"]
    address = "ws" + url[4:] + "api/kernels/" + kernel + "/channels"
    socket = await websocket.websocket_connect(
        httpclient.HTTPRequest(address, headers=headers))
    python = spec.get("language") == "python"
    ask, said = uuid.uuid4().hex, ""
    kind = "execute_request" if python else "kernel_info_request"
    content = {"code": "print(6 * 7)", "silent": False} if python else {}
    head = {"msg_id": ask, "msg_type": kind, "session": ask, "username": "test",
            "version": "5.3"}
    await socket.write_message(json.dumps({"channel": "shell", "header": head,
        "parent_header": {}, "metadata": {}, "content": content}))
    while True:
        got = await socket.read_message()
        if got is None:
            return "it has ended"
        if isinstance(got, bytes):
            continue
        got = json.loads(got)
        if got["parent_header"].get("msg_id") != ask:
            continue
        if got["msg_type"] == "stream":
            said += got["content"]["text"]
        elif got["msg_type"] == "error":
            said += got["content"]["evalue"]
        if got["msg_type"] == "status":
            if got["content"]["execution_state"] == "idle":
                break
    socket.close()
    await client.fetch(url + "api/kernels/" + kernel, method="DELETE",
                       headers=headers)
    return "" if not python or said.strip() == "42" else said.strip()[:100] or "no 42"
async def main():
    ours, port = free(), free()
    web.Application([("/hub/api/?(.*)", Hub)]).listen(ours, "127.0.0.1")
    hub = "http://127.0.0.1:%d/hub/api" % ours
    url = "http://127.0.0.1:%d/user/test/" % port
    env = {**os.environ, "JUPYTERHUB_API_TOKEN": token, "JUPYTERHUB_API_URL": hub,
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:%d" % port,
        "JUPYTERHUB_SERVICE_PREFIX": "/user/test/", "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_USER": "test", "JUPYTERHUB_SERVER_NAME": "",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-test", "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/test/oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!server=test/"]',
        "JUPYTERHUB_ACTIVITY_URL": hub + "/users/test/activity"}
    headers = {"Authorization": "token " + token, "Content-Type": "application/json"}
    client = httpclient.AsyncHTTPClient()
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            [sys.argv[1], *sys.argv[3:]], env=env, stdout=log, stderr=log)
        try:
            await until(log, server, client, url, headers)
            got = await client.fetch(url + "api/kernelspecs", headers=headers)
            bad = {}
            specs = json.loads(got.body)["kernelspecs"]
            for name, found in specs.items():
                try:
                    work = compute(client, url, headers, name, found["spec"])
                    bad[name] = await asyncio.wait_for(work, 180)
                except Exception as e:
                    bad[name] = "%s: %s" % (type(e).__name__, str(e)[:100])
        finally:
            server.terminate()
            server.wait(20)
    print(json.dumps(bad))
asyncio.run(main())
"""


def start_server(machine: Machine) -> str:
    """Start the server as a Hub would, and each of its kernels.

    :raises Failed: when one of them does not do what it is there for
    """
    path = os.pathsep.join([*machine.plan["path"], os.environ.get("PATH", os.defpath)])
    server = shutil.which(SINGLEUSER, path=path)
    if server is None:
        raise Failed("there is no %s in %s" % (SINGLEUSER, path))
    python = os.path.join(os.path.dirname(os.path.realpath(server)), "python3")
    command = (python, "-c", TRIAL, server, machine.plan["hub"])
    said = machine.run("env", "PATH=" + path, *command).strip().splitlines()[-1]
    kernels = json.loads(said)
    bad = {name: why for name, why in kernels.items() if why}
    for name, why in bad.items():
        machine.say("told", "the kernel %s: %s" % (name, why))
    if bad or not kernels:
        names = ", ".join(sorted(bad)) or "the server has none"
        raise Failed("these kernels do not compute: %s" % names)
    return "the server starts, and these kernels compute: %s" % ", ".join(kernels)
