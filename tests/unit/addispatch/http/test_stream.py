from __future__ import annotations

import asyncio
import json
import time

import pytest

from addispatch.http import stream

PATH = "/api/v1/events/stream"


async def frames(response, count):
    """Read that many whole frames, or those until the end; each is a dict of its fields."""
    found = []
    frame = {}
    lines = response.extensions.setdefault("test_lines", response.aiter_lines())
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            frame[name or "comment"] = value.strip()
            continue
        found.append(frame)
        frame = {}
        if len(found) == count:
            return found
    return found


async def test_events_come_as_they_happen_with_their_ids(local, running):
    async with local.stream("GET", PATH) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert (await frames(response, 1))[0] == {"retry": "2000"}
        running.operations.add_event("SMS sent")
    async with local.stream("GET", PATH + "?after=0") as response:
        got = await frames(response, 5)
    assert [f["id"] for f in got[1:]] == ["1", "2", "3", "4"]
    assert json.loads(got[-1]["data"])["text"] == "SMS sent"


async def test_a_client_resumes_behind_its_last_id(local, running):
    async with local.stream("GET", PATH + "?after=0", headers={"last-event-id": "2"}) as response:
        got = await frames(response, 2)
    assert got[1]["id"] == "3"
    answer = await local.get(PATH, headers={"last-event-id": "x"})
    assert (answer.status_code, answer.json()["field"]) == (422, "last-event-id")


async def test_comments_keep_an_idle_stream_open(local, monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    async with local.stream("GET", PATH) as response:
        assert "comment" in (await frames(response, 2))[1]


async def test_streams_end_with_the_server(local, running):
    async with local.stream("GET", PATH) as response:
        await frames(response, 1)
        began = time.monotonic()
        stopping = asyncio.get_running_loop().create_task(running.server.stop())
        assert await frames(response, 5) == []
        await stopping
        assert time.monotonic() - began < 1.5


async def test_a_stream_left_is_forgotten(local, running):
    streams = running.server._app.state.streams
    async with local.stream("GET", PATH) as response:
        await frames(response, 1)
        assert streams.open_count == 1
    async with asyncio.timeout(20):
        while streams.open_count:
            await asyncio.sleep(0.01)


async def test_a_backlog_ends_with_its_client():
    """Sending never waits while the client keeps up: then nobody would see that it left."""
    gone, frames_sent = asyncio.Event(), []

    async def backlog():
        for number in range(1000):
            yield {"id": number}

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        frames_sent.append(message)
        if len(frames_sent) == 10:
            gone.set()

    await stream.Streams().open(backlog())({}, receive, send)
    assert len(frames_sent) < 15


async def test_the_number_of_streams_is_bounded(local, monkeypatch):
    monkeypatch.setattr(stream, "MAX_STREAMS", 1)
    async with local.stream("GET", PATH) as response:
        await frames(response, 1)
        assert (await local.get(PATH)).status_code == 503


async def test_a_client_that_takes_nothing_is_dropped(monkeypatch):
    monkeypatch.setattr(stream, "STALLED_S", 0.05)

    async def endless():
        while True:
            yield {"id": 1}

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    streams = stream.Streams()
    async with asyncio.timeout(20):
        await streams.open(endless())({}, receive, send)
    assert streams.open_count == 0


async def test_a_failing_source_is_not_hidden(monkeypatch):
    async def failing():
        yield {"id": 1}
        raise RuntimeError("ledger gone")

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        pass

    with pytest.raises(ExceptionGroup):
        await stream.Streams().open(failing())({}, receive, send)
