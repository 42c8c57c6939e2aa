"""Conversation: the wire, byte by byte, against a scripted server on a real socket."""

from __future__ import annotations

import asyncio

import pytest

from addispatch_plugins.smtp.conversation import Conversation, Dropped, Rejected, take_over


class Script(asyncio.Protocol):
    """Answers what the test says to each read; ``None`` hangs up."""

    def __init__(self):
        self.answers = []
        self.seen = []
        self.lost = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.seen.append(data)
        if not self.answers:
            return
        answer = self.answers.pop(0)
        if answer is None:
            self.transport.abort()
        else:
            self.transport.write(answer)

    def connection_lost(self, exc):
        self.lost.set()


@pytest.fixture
def script():
    return Script()


@pytest.fixture
async def talk(script):
    """Return a function: a conversation with the script."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: script, "127.0.0.1", 0)
    talks = []

    async def talk(*answers, pipelining=True):
        script.answers += answers
        transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        talks.append(take_over(transport, pipelining=pipelining, on_lost=lambda _lost: None))
        return talks[-1]

    yield talk
    for one in talks:
        one.close()
    server.close()


async def deliver(conversation: Conversation, content=b"text\r\n"):
    await asyncio.wait_for(conversation.deliver(b"a@example.com", b"b@example.com", content), 5)


async def test_pipelining_sends_the_envelope_at_once(talk, script):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    await deliver(conversation)
    assert script.seen == [b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n", b"text\r\n.\r\n"]
    assert conversation.ready


async def test_who_gave_up_sends_no_mail_when_the_server_then_wants_it(talk, script):
    conversation = await talk()
    delivering = asyncio.gather(conversation.deliver(b"a@example.com", b"b@example.com", b"text\r\n"))
    while not script.seen:
        await asyncio.sleep(0)
    delivering.cancel()
    conversation.data_received(b"250 ok\r\n250 ok\r\n354 go\r\n")  # in the same turn
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert not conversation.content_sent
    assert not conversation.ready


async def test_a_refused_recipient_gets_no_mail_though_the_server_wants_it(talk, script):
    conversation = await talk(b"250 ok\r\n550 nobody\r\n354 go\r\n", b"554 no recipients\r\n", b"250 reset\r\n")
    with pytest.raises(Rejected, match="550 nobody"):
        await deliver(conversation)
    assert script.seen[1:] == [b".\r\n", b"RSET\r\n"]
    assert not conversation.content_sent


async def test_without_pipelining_one_command_at_a_time(talk, script):
    conversation = await talk(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 taken\r\n", pipelining=False)
    await deliver(conversation)
    assert len(script.seen) == 4


async def test_dots_are_stuffed(talk, script):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    await deliver(conversation, b"a\r\n.\r\n..b\r\n")
    assert script.seen[1] == b"a\r\n..\r\n...b\r\n.\r\n"


async def test_replies_in_many_lines_and_pieces(talk, script):
    conversation = await talk(b"250-a\r\n250-b\r\n250 c\r\n250 ok\r\n35")
    delivering = asyncio.gather(deliver(conversation))
    while not script.seen:
        await asyncio.sleep(0)
    script.answers.append(b"250 taken\r\n")
    script.transport.write(b"4 go\r\n")
    await delivering
    assert script.seen[-1].endswith(b"\r\n.\r\n")


@pytest.mark.parametrize(
    ("answers", "command"),
    [
        ([b"250 ok\r\n550-no such\r\n550 user\x1b\r\n503 no\r\n", b"250 reset\r\n"], "RCPT"),
        ([b"250 ok\r\n550-no such\r\n550 user\r\n354 go\r\n", b"554 nobody\r\n", b"250 reset\r\n"], "RCPT"),
        ([b"550 no such user\r\n503 no\r\n503 no\r\n", b"250 reset\r\n"], "MAIL"),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"550 no such user\r\n"], "the mail"),
    ],
)
async def test_after_a_rejection_the_next_mail_goes_out(talk, answers, command):
    conversation = await talk(*answers, b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    with pytest.raises(Rejected) as rejected:
        await deliver(conversation)
    assert rejected.value.command == command
    assert str(rejected.value) == f"{command} was answered 550 no such user"
    assert conversation.ready
    await deliver(conversation)


async def test_without_pipelining_a_rejection_ends_the_envelope(talk, script):
    conversation = await talk(b"250 ok\r\n", b"550 no\r\n", b"250 reset\r\n", pipelining=False)
    with pytest.raises(Rejected):
        await deliver(conversation)
    assert [line.split()[0] for line in script.seen] == [b"MAIL", b"RCPT", b"RSET"]


async def test_421_ends_the_conversation(talk):
    conversation = await talk(b"421 closing\r\n421 closing\r\n421 closing\r\n")
    with pytest.raises(Rejected, match="421 closing"):
        await deliver(conversation)
    assert not conversation.ready


async def test_421_before_a_hang_up_is_told(talk, script):
    conversation = await talk()
    delivering = asyncio.gather(deliver(conversation), return_exceptions=True)
    while not script.seen:
        await asyncio.sleep(0)
    script.transport.write(b"421 too many mails\r\n")
    script.transport.close()
    assert "421 too many mails" in str((await delivering)[0])


async def test_dropped_before_the_text(talk):
    conversation = await talk(None)
    with pytest.raises(Dropped):
        await deliver(conversation)
    assert not conversation.content_sent
    assert not conversation.ready


async def test_dropped_after_the_text(talk):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", None)
    with pytest.raises(Dropped):
        await deliver(conversation)
    assert conversation.content_sent


@pytest.mark.parametrize("nonsense", [b"hello\r\n", b"\r\n", b"2\r\n", b"99 \r\n", b"250 ok\r\n" * 9, b"x" * 70_000])
async def test_nonsense_ends_the_conversation(talk, nonsense):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", nonsense)
    if nonsense.startswith(b"250"):
        await deliver(conversation)
    else:
        with pytest.raises(Dropped):
            await deliver(conversation)
    assert not conversation.ready


async def test_what_comes_unasked_ends_the_conversation(talk, script):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    await deliver(conversation)
    script.transport.write(b"421 restarting\r\n")
    await asyncio.wait_for(script.lost.wait(), 5)
    assert not conversation.ready
    with pytest.raises(Dropped):
        await deliver(conversation)


async def test_cancelled_in_the_middle_it_is_not_used_again(talk, script):
    conversation = await talk()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(conversation.deliver(b"a@example.com", b"b@example.com", b"\r\n"), 0.05)
    assert not conversation.ready


async def test_says_goodbye(talk, script):
    (await talk()).close()
    await asyncio.wait_for(script.lost.wait(), 5)
    assert script.seen == [b"QUIT\r\n"]
