from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from addispatch.http.gate import Gate

TOKEN = {"authorization": "Bearer sesame-open-please"}


async def test_the_unix_socket_is_the_local_admin(local, running):
    assert (await local.get("/api/v1/status")).status_code == 200
    actor = running.operations.actors[0]
    assert (actor.name, actor.role, actor.via) == ("local", "admin", "unix")


async def test_tcp_needs_a_token_and_says_so(remote, running):
    answer = await remote.get("/api/v1/status")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json()["error"]
    assert (await remote.get("/api/v1/status", headers=TOKEN)).status_code == 200
    assert running.operations.actors[0].name == "script"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer wrong",
        "Basic c2VzYW1lLW9wZW4tcGxlYXNl",
        "sesame-open-please",
        "Bearer " + "x" * 5000,
    ],
)
async def test_anything_but_a_known_token_is_refused(remote, running, header):
    assert (await remote.get("/api/v1/status", headers={"authorization": header})).status_code == 401
    assert (
        await remote.post("/api/v1/alarms", json={"text": "x"}, headers={"authorization": header})
    ).status_code == 401
    assert running.operations.calls == []


async def test_a_token_that_was_removed_is_said_to_be_wrong_not_missing(remote):
    answer = await remote.get("/api/v1/status", headers={"authorization": "Bearer removed"})
    assert answer.json()["error"] == "the token is not valid, or not any more"


async def test_until_the_daemon_has_started_everybody_is_asked_to_come_back(local, remote, running):
    running.operations.is_started = running.operations.is_ready = False
    for client in (local, remote):
        answer = await client.post("/api/v1/alarms", json={"text": "x"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "starting" in answer.json()["error"]
    assert running.operations.calls == []
    assert (await remote.get("/healthz")).json() == {"status": "starting"}
    assert (await remote.get("/readyz")).status_code == 503
    assert (await remote.get("/metrics")).status_code == 200


async def test_a_role_too_small_is_403(remote):
    viewer = {"authorization": "Bearer looking-only"}
    answer = await remote.post("/api/v1/alarms", json={"text": "x"}, headers=viewer)
    assert (answer.status_code, answer.json()["field"]) == (403, "role")


async def test_a_client_that_resets_at_once_is_no_local_admin(running):
    """Then the server knows no peer address, just as on the unix socket."""
    body = b'{"text":"forged"}'
    request = b"POST /api/v1/alarms HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            client.sendall(request)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    assert running.operations.alarms == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_pages_of_other_sites_are_refused(remote, running, origin):
    answer = await remote.post("/api/v1/alarms", json={"text": "x"}, headers=TOKEN | {"origin": origin})
    assert (answer.status_code, answer.json()["field"]) == (403, "origin")
    assert running.operations.alarms == []


async def test_pages_of_our_own_are_let_in(remote, running):
    own = {"origin": f"http://127.0.0.1:{running.port}"}
    assert (await remote.get("/api/v1/status", headers=TOKEN | own)).status_code == 200


async def test_every_answer_has_the_security_headers(remote):
    for path in ("/healthz", "/api/v1/status", "/nowhere"):
        headers = (await remote.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


async def test_a_bug_is_a_500_without_a_trace(local, running, caplog):
    running.operations.failure = ZeroDivisionError("secret detail")
    answer = await local.get("/api/v1/status")
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error; the log has the details", "field": ""}
    assert "secret detail" in caplog.text


def test_without_the_server_s_word_nobody_is_local():
    gate = Gate(lambda *_: None, lambda _token: None, lambda: True)  # type: ignore[arg-type,return-value]
    scope = {"type": "http", "path": "/api/v1/status", "headers": [], "client": None}
    assert gate._refusal(scope) is not None
