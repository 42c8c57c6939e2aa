from __future__ import annotations

import asyncio
import signal
import sys

from addispatch.cli.text import event_line


async def test_events_are_in_order_and_in_the_seed_s_form(addispatch, running):
    running.operations.add_event("No working modem found.", "severe")
    lines = (await addispatch("events", "-n", "2")).out.splitlines()
    assert lines == [
        "2026.11.23 13:55:03:123 something happened",
        "2026.11.23 13:55:04:123 [!!!] No working modem found.",
    ]


async def test_as_a_file_it_is_what_the_daemon_sends_newest_first(addispatch, running):
    running.operations.add_event("No working modem found.", "severe")
    done = await addispatch("events", "--log", "-n", "2")
    assert (done.code, done.out.splitlines()) == (0, [
        "2026.11.23 13:55:04:123 [!!!] No working modem found.",
        "2026.11.23 13:55:03:123 something happened",
    ])  # fmt: skip
    assert len((await addispatch("events", "--log")).out.splitlines()) == 4


async def test_what_does_not_go_together_is_said(addispatch):
    for options in (("--log", "--json"), ("--log", "-f")):
        done = await addispatch("events", *options)
        assert (done.code, done.err) == (1, "error: --log goes with neither --follow nor --json\n")
    assert "at most 500" in (await addispatch("events", "-n", "501")).err
    assert "at most 100000" in (await addispatch("events", "--log", "-n", "100001")).err
    assert "up to 500, with --log 100000" in " ".join((await addispatch("events", "--help")).out.split())


async def test_a_refusal_is_no_file(addispatch, running):
    running.operations.failure = running.store_error
    done = await addispatch("events", "--log")
    assert (done.code, done.out, done.err) == (1, "", "error: the disk is full\n")


def test_an_event_s_mark():
    event = {"at": "2026-11-23T05:55:03.123Z", "text": "x\x1b[2J", "severity": "warning"}
    assert event_line(event).endswith(":55:03:123 [!] x�[2J")


async def test_follow_goes_on_and_survives_a_restart(running, tmp_path):
    """The second server stands for the restarted daemon."""
    from addispatch.http.app import create_app
    from addispatch.http.server import HttpServer
    from addispatch.runtime.metrics import Metrics

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "addispatch", "events", "-f", "-n", "1", "--data-dir", str(running.unix_path.parent),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        # Tests that run in the background inherit that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert b"something happened" in await process.stdout.readline()
        running.operations.add_event("before")
        assert b"before" in await process.stdout.readline()
        await running.server.stop()
        running.operations.add_event("meanwhile")
        app = create_app(
            running.operations, authenticate=lambda _token: None, metrics=Metrics(), is_started=lambda: True
        )
        again = HttpServer(app, running.unix_path, None, print)
        await again.start()
        assert b"meanwhile" in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        await again.stop()
