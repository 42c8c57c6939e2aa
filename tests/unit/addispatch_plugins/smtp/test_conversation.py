"""Conversation: the wire, byte by byte, against a scripted server on a real socket."""

from __future__ import annotations

import asyncio

import pytest

from addispatch_plugins.smtp.conversation import Conversation, take_over
from addispatch_plugins.smtp.errand import Dropped, Errand, Rejected

YES, TAKEN = b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n"


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


class Mails:
    """The other side of a conversation: the mails that wait, and what is heard of the conversation."""

    def __init__(self):
        self.waiting, self.orphans = [], []
        self.rest_count = self.lost_count = 0

    def next_mail(self):
        return self.waiting.pop(0) if self.waiting else None

    def rests(self, _conversation):
        self.rest_count += 1

    def lost(self, _conversation, orphan):
        self.lost_count += 1
        self.orphans += [orphan] if orphan else []


@pytest.fixture
def mails():
    return Mails()


@pytest.fixture
async def talk(script, mails):
    """Return a function: a conversation with the script."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: script, "127.0.0.1", 0)
    talks = []

    async def talk(*answers, pipelining=True, kept=False):
        script.answers += answers
        transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        talks.append(take_over(transport, mails, pipelining=pipelining))
        talks[-1].kept = kept
        return talks[-1]

    yield talk
    for one in talks:
        one.close()
    server.close()


def errand(recipient=b"b@example.com", content=b"text\r\n"):
    return Errand(b"a@example.com", recipient, content, 0)


async def end_of(mail: Errand):
    """Wait until the mail is taken; raises what happened instead."""
    assert await asyncio.wait_for(mail.done, 5) is True


async def deliver(conversation: Conversation, content=b"text\r\n"):
    mail = errand(content=content)
    conversation.begin(mail)
    await end_of(mail)


async def seen(script, count):
    """Wait until the server has read so often."""
    while len(script.seen) < count:
        await asyncio.sleep(0)


async def test_pipelining_sends_the_envelope_at_once(talk, script):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    await deliver(conversation)
    assert script.seen == [b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n", b"text\r\n.\r\n"]
    assert conversation.ready


async def test_who_gave_up_sends_no_mail_when_the_server_then_wants_it(talk, script):
    conversation, mail = await talk(), errand()
    conversation.begin(mail)
    await seen(script, 1)
    mail.done.cancel()
    conversation.data_received(b"250 ok\r\n250 ok\r\n354 go\r\n")  # in the same turn
    assert not mail.content_sent
    assert not conversation.ready
    await asyncio.wait_for(script.lost.wait(), 5)
    assert len(script.seen) == 1


async def test_a_refused_recipient_gets_no_mail_though_the_server_wants_it(talk, script):
    conversation = await talk(b"250 ok\r\n550 nobody\r\n354 go\r\n", b"554 no recipients\r\n", b"250 reset\r\n")
    mail = errand()
    conversation.begin(mail)
    with pytest.raises(Rejected, match="550 nobody"):
        await end_of(mail)
    assert script.seen[1:] == [b".\r\n", b"RSET\r\n"]
    assert not mail.content_sent


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
    await seen(script, 1)
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
    await seen(script, 1)
    script.transport.write(b"421 too many mails\r\n")
    script.transport.close()
    assert "421 too many mails" in str((await delivering)[0])


async def test_dropped_before_the_text(talk):
    conversation, mail = await talk(None), errand()
    conversation.begin(mail)
    with pytest.raises(Dropped):
        await end_of(mail)
    assert not mail.content_sent
    assert not conversation.ready


@pytest.mark.parametrize("answer", [None, b"421 too many mails\r\n421 closing\r\n421 closing\r\n"])
async def test_an_aged_connection_gives_its_mail_back(talk, mails, script, answer):
    conversation, mail = await talk(answer, kept=True), errand()
    conversation.begin(mail)
    await asyncio.wait_for(script.lost.wait(), 5)
    await asyncio.sleep(0)
    assert (mails.orphans, mail.is_over) == ([mail], False)
    assert mails.lost_count == 1


async def test_an_aged_connection_that_says_no_is_believed(talk, mails):
    conversation, mail = await talk(b"250 ok\r\n550 no\r\n354 go\r\n", None, kept=True), errand()
    conversation.begin(mail)
    with pytest.raises(Rejected, match="550 no"):
        await end_of(mail)
    assert mails.orphans == []


async def test_dropped_after_the_text(talk, mails):
    conversation, mail = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", None, kept=True), errand()
    conversation.begin(mail)
    with pytest.raises(Dropped):
        await end_of(mail)
    assert mail.content_sent
    assert mails.orphans == []


@pytest.mark.parametrize("nonsense", [b"hello\r\n", b"\r\n", b"2\r\n", b"99 \r\n", b"250 ok\r\n" * 9, b"x" * 70_000])
async def test_nonsense_ends_the_conversation(talk, nonsense):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", nonsense)
    if nonsense.startswith(b"250"):
        await deliver(conversation)
    else:
        with pytest.raises(Dropped):
            await deliver(conversation)
    assert not conversation.ready


async def test_an_answer_too_many_is_not_taken_for_the_one_to_rset(talk, script):
    conversation = await talk(b"250 ok\r\n550 no\r\n503 no\r\n250 more\r\n")
    with pytest.raises(Rejected, match="550 no"):
        await deliver(conversation)
    assert not conversation.ready
    assert len(script.seen) == 1


async def test_an_answer_too_many_is_no_refusal(talk):
    conversation = await talk(YES + b"550 more\r\n")
    with pytest.raises(Dropped):
        await deliver(conversation)


async def test_what_comes_unasked_ends_the_conversation(talk, script):
    conversation = await talk(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 taken\r\n")
    await deliver(conversation)
    script.transport.write(b"421 restarting\r\n")
    await asyncio.wait_for(script.lost.wait(), 5)
    assert not conversation.ready


async def test_one_that_is_closing_gives_its_mail_back(talk, script, mails):
    conversation, mail = await talk(YES, TAKEN), errand()
    await deliver(conversation)
    conversation._transport.close()
    conversation.begin(mail)
    assert (mails.orphans, len(script.seen)) == ([mail], 2)


async def test_given_up_in_the_middle_it_is_not_used_again(talk, script, mails):
    conversation, mail = await talk(), errand()
    conversation.begin(mail)
    await seen(script, 1)
    mail.done.cancel()
    conversation.give_up(mail)
    assert not conversation.ready
    assert (mails.lost_count, mails.orphans) == (1, [])


async def test_says_goodbye(talk, script):
    (await talk()).close()
    await asyncio.wait_for(script.lost.wait(), 5)
    assert script.seen == [b"QUIT\r\n"]


# -- a mail behind another one's content -----------------------------------------------------------------------------


@pytest.fixture
async def two(talk, script, mails):
    """Return a function: the content of the first of two mails and the envelope of the second are out."""

    async def two(*answers):
        conversation = await talk(YES, *answers)
        first, second = errand(content=b"first\r\n"), errand(recipient=b"c@example.com", content=b"second\r\n")
        mails.waiting.append(second)
        conversation.begin(first)
        await seen(script, 2)
        return conversation, first, second

    return two


async def test_the_envelope_of_the_next_mail_leaves_with_the_content(two, script, mails):
    conversation, first, second = await two(TAKEN + YES, TAKEN)
    await end_of(first)
    await end_of(second)
    assert script.seen[1] == b"first\r\n.\r\n" + second.envelope
    assert script.seen[2:] == [b"second\r\n.\r\n"]
    assert conversation.ready
    assert mails.rest_count == 1


async def test_without_pipelining_nothing_is_joined(talk, script, mails):
    conversation = await talk(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", TAKEN, pipelining=False)
    mails.waiting.append(errand())
    await deliver(conversation)
    assert script.seen[3] == b"text\r\n.\r\n"
    assert len(mails.waiting) == 1


async def test_replies_to_both_in_pieces(two, script):
    _, first, second = await two()
    script.transport.write(b"250-tak")
    script.transport.write(b"en\r\n250 q")
    await asyncio.sleep(0.01)
    assert not first.is_over
    script.transport.write(b"ueued\r\n250 ok\r\n25")
    await end_of(first)
    assert not second.content_sent
    script.answers.append(TAKEN)
    script.transport.write(b"0 ok\r\n354 go\r\n")
    await end_of(second)


async def test_only_the_mail_whose_content_is_out_is_in_doubt(two, mails):
    _, first, second = await two(None)
    with pytest.raises(Dropped):
        await end_of(first)
    assert (first.content_sent, second.content_sent) == (True, False)
    assert (mails.orphans, second.is_over) == ([second], False)


async def test_after_the_first_is_taken_the_second_is_on_its_own(two, mails):
    _, first, second = await two(TAKEN + YES, None)
    await end_of(first)
    with pytest.raises(Dropped):
        await end_of(second)
    assert second.content_sent
    assert mails.orphans == []


async def test_a_connection_lost_between_the_two_gives_the_second_back(two, script, mails):
    _, first, second = await two()
    script.transport.write(TAKEN)
    script.transport.close()
    await end_of(first)
    while not mails.orphans:
        await asyncio.sleep(0)
    assert (mails.orphans, second.is_over) == ([second], False)


async def test_a_refused_content_does_not_hinder_the_next_mail(two):
    conversation, first, second = await two(b"554 spam\r\n" + YES, TAKEN)
    with pytest.raises(Rejected, match="the mail was answered 554 spam"):
        await end_of(first)
    await end_of(second)
    assert conversation.ready


async def test_a_refused_recipient_behind_a_content_gets_the_lone_dot(two, script, mails):
    conversation, first, second = await two(TAKEN + b"250 ok\r\n550 no\r\n354 go\r\n", b"554 none\r\n", TAKEN)
    third = errand()
    mails.waiting.append(third)
    await end_of(first)
    with pytest.raises(Rejected, match="RCPT was answered 550 no"):
        await end_of(second)
    assert script.seen[2:] == [b".\r\n", b"RSET\r\n"]
    assert conversation.ready
    assert mails.waiting == [third]


async def test_421_to_the_content_gives_the_next_mail_back(two, mails):
    conversation, first, second = await two(b"421 enough\r\n")
    with pytest.raises(Rejected, match="421 enough"):
        await end_of(first)
    assert mails.orphans == [second]
    assert not conversation.ready


async def test_421_to_the_next_envelope_gives_it_back(two, mails):
    _, first, second = await two(TAKEN + b"421 enough\r\n421 enough\r\n421 enough\r\n")
    await end_of(first)
    await asyncio.sleep(0)
    assert (mails.orphans, second.is_over) == ([second], False)


async def test_giving_up_the_first_gives_the_second_back(two, mails):
    conversation, first, second = await two()
    first.done.cancel()
    conversation.give_up(first)
    assert mails.orphans == [second]
    assert not conversation.ready


async def test_giving_up_the_second_awaits_the_first(two, script, mails):
    conversation, first, second = await two()
    second.done.cancel()
    conversation.give_up(second)
    await asyncio.sleep(0.01)
    assert not script.lost.is_set()
    script.transport.write(TAKEN)
    await end_of(first)
    assert not conversation.ready  # what comes now is for the mail that was given up
    await asyncio.wait_for(script.lost.wait(), 5)
    assert len(script.seen) == 2  # neither a mail nor a lone dot, which would be an empty one
    assert (mails.lost_count, mails.orphans) == (1, [])


async def test_the_second_can_be_taken_back(two, script, mails):
    conversation, first, second = await two()
    assert conversation.release() is second
    script.transport.write(TAKEN)
    await end_of(first)
    assert not conversation.ready
    await asyncio.wait_for(script.lost.wait(), 5)
    assert (mails.rest_count, mails.orphans, second.is_over) == (0, [], False)
    assert len(script.seen) == 2


async def test_an_answer_too_many_sends_no_second_mail(two, mails):
    _, first, second = await two(TAKEN + YES + b"250 more\r\n")
    await end_of(first)
    await asyncio.sleep(0)
    assert not second.content_sent
    assert mails.orphans == [second]
