"""A service that takes pings: a real HTTP server in a thread."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from instances import starting

from addispatch.sdk.testing import EmptyOperations, RecordingContext
from addispatch_plugins.deadman import plugin


class Service:
    """``paths`` are those asked for; ``answer`` is called with the handler and answers."""

    def __init__(self):
        self.paths, self.agents = [], []
        self.arrived = threading.Event()
        self.answer = lambda handler: handler.reply(200)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                service.paths.append(self.path)
                service.agents.append(self.headers["user-agent"])
                service.arrived.set()
                service.answer(self)

            def reply(self, status, body=b"OK", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def drip(self):
                self.send_response(200)
                self.end_headers()
                try:
                    for _ in range(100):
                        self.wfile.write(b"x")
                        time.sleep(0.05)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/secret-id"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def service():
    service = Service()
    yield service
    service.close()


@pytest.fixture
def other():
    service = Service()
    yield service
    service.close()


class Operations(EmptyOperations):
    """A node whose health a test decides."""

    reason, error, standby = "", None, False

    async def ready(self, needs=()):
        return {"ready": not self.reason, "reason": self.reason, "standby": self.standby}

    async def health(self):
        if self.error:
            raise self.error
        return {"status": "ok"}


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="deadman", operations=Operations()) as context:
        yield context


@pytest.fixture
async def start(context, service):

    def make(**table):
        return plugin.create(plugin.config(**{"url": service.url, "every_s": 5, "timeout_s": 2, **table}), context)

    async with starting(make) as start:
        yield start
