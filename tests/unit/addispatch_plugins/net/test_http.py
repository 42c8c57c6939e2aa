"""The probe ``http`` against Python's own web server, TLS included, and against bad ones."""

from __future__ import annotations

import asyncio
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from peers import answers, swallows

from addispatch.sdk import Explainer
from addispatch.sdk.testing import FakeClock
from addispatch_plugins.net.http import HttpProbe, tls_context
from addispatch_plugins.net.keys import HttpKeys
from addispatch_plugins.net.matcher import Matcher
from addispatch_plugins.net.names import Names


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(self.path.strip("/") or 200)
        body = b"status: all pumps run"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - so it is called

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(certificate=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
async def read():
    matcher, clock = Matcher(), FakeClock(datetime.now(UTC))

    async def run(url, timeout_s=2.0, ca_file=None, **keys):
        probe = HttpProbe(Names(), matcher, clock, agent="test", ca_file=ca_file)
        (reading,) = await probe.read([HttpKeys(url=url, **keys)], timeout_s)
        return reading

    run.clock = clock
    yield run
    await matcher.close()


async def test_the_status_counts(serve, read):
    url = serve()
    assert (await read(url)).problem == ""
    assert (await read(f"{url}/503")).problem == "answered 503"
    assert (await read(f"{url}/503", status=[200, 503])).problem == ""
    assert (await read(url, status=204)).problem == "answered 200"
    assert (await read(url, method="HEAD")).problem == ""


async def test_the_value_is_what_is_asked_for(serve, read):
    url = serve()
    assert (await read(url)).value is None
    assert (await read(f"{url}/404", status=404, value="status")).value == 404
    reading = await read(url, value="latency_ms")
    assert reading.value == pytest.approx(reading.latency_s * 1000, abs=0.001)


async def test_the_body_matches(serve, read):
    url = serve()
    assert (await read(url, match="all pumps")).problem == ""
    assert (await read(url, match="no pumps")).problem == "the text 'no pumps' is not in the answer"
    assert (await read(url, match_regex=r"status: \w+ pumps")).problem == ""
    assert (await read(url, match_regex=r"^pumps")).problem == "the answer does not match '^pumps'"


async def test_a_pattern_that_takes_for_ever_is_a_problem_and_blocks_nothing(peer, read):
    there = await peer(answers(b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 60 + b"b"))
    lag = asyncio.get_running_loop().time()
    reading = asyncio.gather(read(there.url, 3, match_regex=r"(a+)+$"))
    longest = 0.0
    while not reading.done():
        await asyncio.sleep(0.02)
        now = asyncio.get_running_loop().time()
        longest, lag = max(longest, now - lag), now
    assert "takes more than 1 s" in reading.result()[0].problem
    assert longest < 0.9


@pytest.mark.debian
async def test_a_certificate_is_trusted_by_its_authority_alone(serve, read, certificate):
    url = serve(certificate())
    assert (await read(url)).problem == "certificate not trusted: self-signed certificate"
    assert (await read(url, verify=False)).problem == ""
    assert (await read(url, ca_file=certificate()[0])).problem == ""
    wrong = serve(certificate(30, "127.0.0.9"))
    problem = (await read(wrong, ca_file=certificate(30, "127.0.0.9")[0])).problem
    assert problem.startswith("certificate not trusted: IP address mismatch")


@pytest.mark.debian
async def test_a_certificate_that_ends_soon(serve, read, certificate):
    url = serve(certificate(30))
    assert (await read(url, verify=False, certificate_days=29)).problem == ""
    assert (await read(url, verify=False, certificate_days=31)).problem == "the certificate ends in 30.0 days"
    assert (await read(url, verify=False, value="certificate_days")).value == pytest.approx(30, abs=0.1)
    read.clock.forward(days=31)
    assert (await read(url, verify=False, certificate_days=1)).problem == "the certificate has expired"
    assert (await read(url, verify=False, value="certificate_days")).value == pytest.approx(-1, abs=0.1)


async def test_bad_servers(peer, read):
    assert (await read((await peer(swallows)).url, 0.5)).problem == "connected, but no whole answer within 0.5 s"
    drips = await peer(answers(*[b"H"] * 100, pause_s=0.05))
    assert (await read(drips.url, 0.5)).problem == "connected, but no whole answer within 0.5 s"

    async def hangs_up(_peer, _reader, writer):
        writer.transport.abort()

    problem = (await read((await peer(hangs_up)).url)).problem
    assert problem in (
        "connection reset by peer",
        "the connection ended without an answer",
    )
    round_ = await peer(answers(b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"))
    assert (await read(round_.url)).problem == "redirects more than 5 times, last to '/'"
    assert (await read("http://no-such-host.invalid/")).problem.startswith("the name no-such-host.invalid ")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
async def test_bad_servers_leave_no_connection_open(peer, read):
    def open_count():
        return len(list(Path("/proc/self/fd").iterdir()))

    there = await peer(swallows)
    drips = await peer(answers(*[b"HTTP/1.1 200 OK\r\n"], *[b"x"] * 100, pause_s=0.05))
    probe = HttpProbe(Names(), Matcher(), read.clock, agent="test", ca_file=None)
    await probe.read([HttpKeys(url=there.url, verify=False)], 0.01)
    await probe._context(verify=False)
    before = open_count()
    urls = [there.url, there.url.replace("http:", "https:"), drips.url] * 30
    readings = await asyncio.gather(*(probe.read([HttpKeys(url=url, verify=False)], 0.3) for url in urls))
    assert {reading.problem.partition(",")[0] for (reading,) in readings} <= {"connected", "no connection within 0.3 s"}
    async with asyncio.timeout(20):
        while open_count() > before:  # the servers have to notice, too
            await asyncio.sleep(0.02)


@pytest.mark.debian
async def test_a_test_shows_what_came(peer, read, served_with):
    there = await peer(answers(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 500), served_with())
    first = await peer(answers(f"HTTP/1.0 302 Found\r\nLocation: {there.url}/new\r\n\r\n".encode()))
    probe = HttpProbe(Names(), Matcher(), read.clock, agent="test", ca_file=None)
    assert isinstance(probe, Explainer)
    lines = await probe.explain(HttpKeys(url=first.url, verify=False), 2)
    assert lines[:2] == [("redirect to", f"{there.url}/new"), ("status", "200")]
    assert lines[2][0] == "certificate ends"
    assert lines[3] == ("body begins", repr("x" * 200))
    assert await probe.explain(HttpKeys(url="http://no-such-host.invalid/"), 2) == []
    assert await probe.explain(HttpKeys(url=(await peer(swallows)).url), 0.05) == []


@pytest.mark.debian
async def test_a_file_of_authorities_that_comes_back_is_used(serve, read, tmp_path, certificate):
    url, file = serve(), tmp_path / "ca.pem"
    probe = HttpProbe(Names(), Matcher(), read.clock, agent="test", ca_file=file)
    (reading,) = await probe.read([HttpKeys(url=url)], 2)
    assert reading.problem == "no such file or directory"
    file.write_text(certificate()[0].read_text())
    (reading,) = await probe.read([HttpKeys(url=url)], 2)
    assert reading.problem == ""


async def test_readings_share_nothing(serve, read):
    one, two = HttpKeys(url="http://a/"), HttpKeys(url="http://a/", match="x")
    probe = HttpProbe(Names(), Matcher(), read.clock, agent="test", ca_file=None)
    assert probe.group(one) != probe.group(two)
    assert probe.group(one) == probe.group(HttpKeys(url="http://a/"))
    probe.prepare([one])


def test_a_file_of_authorities_that_is_none(tmp_path):
    with pytest.raises(OSError):
        tls_context(tmp_path / "none.pem", True)
    (tmp_path / "rubbish.pem").write_text("x")
    with pytest.raises(OSError):
        tls_context(tmp_path / "rubbish.pem", True)
