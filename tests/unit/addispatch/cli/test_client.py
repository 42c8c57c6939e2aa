from __future__ import annotations

import asyncio

import pytest


async def test_another_node_is_reached_with_a_token(alone, running, tmp_path):
    token = tmp_path / "token"
    token.write_text("sesame-open-please\n")
    server = f"http://127.0.0.1:{running.port}"
    done = await alone("status", "--json", "--server", server, "--token-file", token)
    assert (done.code, done.doc["node"]) == (0, "node-a")
    assert running.operations.actors[0].name == "script"
    without = await alone("status", "--server", server)
    assert (without.code, without.err) == (
        1,
        f"error: {server} wants a token: name the file that holds it with --token-file\n",
    )


async def test_a_token_that_is_removed_is_said_to_be_wrong_not_missing(alone, running, tmp_path):
    token = tmp_path / "token"
    token.write_text("removed-long-ago\n")
    server = f"http://127.0.0.1:{running.port}"
    done = await alone("status", "--server", server, "--token-file", token)
    hint = "'addispatch token add' there makes a new one"
    assert done.err == f"error: {server}: the token in {token} is not valid, or not any more; {hint}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--server", "ftp://x"], "is no address; write http://host:5556"),
        (["--server", "http://127.0.0.1:1"], "no answer from http://127.0.0.1:1: Connection refused"),
        (["--server", "http://x", "--token-file", "/no/file"], "cannot read /no/file: No such file"),
        (["--data-dir", "/dev/null/x"], "addispatch cannot run on /dev/null/x: it or what is above it is no folder"),
        (["--config", "/no/such.toml"], "/no/such.toml: cannot be read"),
    ],
)
async def test_what_cannot_be_reached_is_one_line(alone, arguments, words):
    done = await alone("status", *arguments)
    assert done.code in (1, 78)
    assert words in done.err
    assert done.err.count("\n") == 1


async def test_a_stranger_on_the_port_is_named(alone):
    async def other(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        done = await alone("status", "--server", f"http://127.0.0.1:{port}")
    assert "does not answer like addispatch (HTTP 200)" in done.err


async def test_a_token_cannot_add_headers(alone, tmp_path):
    token = tmp_path / "token"
    token.write_text("a\r\nX-Evil: 1")
    done = await alone("status", "--server", "http://127.0.0.1:1", "--token-file", token)
    assert "holds no token" in done.err


async def test_the_socket_is_found_by_the_configuration(alone, running, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text(f'[node]\ndata_dir = "{running.unix_path.parent}"\n')
    assert (await alone("status", "--config", config)).code == 0
