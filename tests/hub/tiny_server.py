"""A server that is ready in a moment, for tests that are not about Jupyter."""

import json
import os
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
ThreadingHTTPServer((place.hostname, place.port), Answer).serve_forever()
