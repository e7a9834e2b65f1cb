"""A server that is ready in a moment, for tests that are not about Jupyter."""

import json
import os
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith("/exit"):
            os._exit(int(self.headers["X-Code"]))
        body = json.dumps({"path": self.path, "user": os.environ["JUPYTERHUB_USER"]})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


# A test that watches a start opens the gate when it does.
while "GATE" in os.environ and not os.path.exists(os.environ["GATE"]):
    time.sleep(0.05)
place = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
print("tiny server on", place.netloc, file=sys.stderr, flush=True)
server = ThreadingHTTPServer((place.hostname, place.port), Answer)
if certificate := os.environ.get("JUPYTERHUB_SSL_CERTFILE"):
    # As Jupyter does: whoever shows no certificate is not listened to.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, os.environ["JUPYTERHUB_SSL_KEYFILE"])
    tls.load_verify_locations(os.environ["JUPYTERHUB_SSL_CLIENT_CA"])
    tls.verify_mode = ssl.CERT_REQUIRED
    # The handshake is the thread's, or one who says nothing would keep out the others.
    server.socket = tls.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
server.serve_forever()
