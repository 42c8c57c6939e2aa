"""Pool: connections are reused, bounded, and closed when they rest too long; mails that wait join those under way."""

from __future__ import annotations

import asyncio
import gc

import pytest

from addispatch_plugins.smtp import pool as pool_module
from addispatch_plugins.smtp.conversation import take_over
from addispatch_plugins.smtp.errand import Dropped, Errand, Rejected
from addispatch_plugins.smtp.login import ServerTrouble
from addispatch_plugins.smtp.pool import Pool


class Wire(asyncio.Protocol):
    """The server's end of a connection: takes every mail, and waits with the answer to what the test holds back."""

    def __init__(self, post):
        self.post, self.buffer, self.in_data, self.held = post, b"", False, b""
        self.commands = []
        self.lost = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport
        self.post.wires.append(self)

    def data_received(self, data):
        self.buffer += data
        self.go_on()

    def go_on(self):
        out = b""
        while not self.held:
            part, end, rest = self.buffer.partition(b"\r\n.\r\n" if self.in_data else b"\r\n")
            if not end:
                break
            self.buffer = rest
            if self.in_data:
                self.in_data, part = False, part.removeprefix(b"\r\n")
                if part in self.post.hold:
                    self.held = part
                else:
                    out += self.taken(part)
            else:
                self.commands.append(part)
                if part == b"DATA":
                    self.in_data, self.buffer = True, b"\r\n" + rest  # a lone dot ends a content, too
                out += b"354 go\r\n" if self.in_data else self.post.answers.pop(part, b"250 ok\r\n")
        self.transport.write(out)

    def taken(self, content):
        self.post.taken.append(content)
        return b"250 taken\r\n"

    def release(self):
        content, self.held = self.held, b""
        self.transport.write(self.taken(content))
        self.go_on()

    def connection_lost(self, exc):
        self.lost.set()


class Post:
    """The mail server."""

    def __init__(self):
        self.wires, self.taken, self.hold, self.answers = [], [], set(), {}

    async def holds(self, content):
        """Return the connection on which this content waits for its answer."""
        while not (found := [wire for wire in self.wires if wire.held == content]):
            await asyncio.sleep(0)
        return found[0]


@pytest.fixture
async def post():
    post = Post()
    server = await asyncio.get_running_loop().create_server(lambda: Wire(post), "127.0.0.1", 0)
    post.address = server.sockets[0].getsockname()
    yield post
    server.close()


@pytest.fixture
async def open_(post):
    async def open_(keeper):
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, *post.address)
        return take_over(transport, keeper, pipelining=True)

    return open_


@pytest.fixture
async def pools(open_):
    """Return a function: a pool of this size."""
    made = []

    def make(size):
        made.append(Pool(size, open_))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@pytest.fixture
def pool(pools):
    return pools(2)


def mail(content=b"text", after_s=5.0):
    deadline_at = asyncio.get_running_loop().time() + after_s
    return Errand(b"a@example.com", b"b@example.com", content + b"\r\n", deadline_at)


def begin(pool, *contents):
    return [asyncio.gather(asyncio.wait_for(pool.deliver(mail(content)), 5)) for content in contents]


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_reuses_what_rests(pool, post):
    for _ in range(3):
        await pool.deliver(mail())
    assert (len(post.wires), len(post.taken), pool.idle_count) == (1, 3, 1)


async def test_each_mail_has_its_own_connection_while_there_is_one(pool, post):
    post.hold |= {b"1", b"2"}
    sending = begin(pool, b"1", b"2")
    first, second = await post.holds(b"1"), await post.holds(b"2")
    assert first is not second
    assert (first.buffer, second.buffer) == (b"", b"")
    first.release()
    second.release()
    await asyncio.gather(*sending)


async def test_opens_no_more_than_its_size(pool, post):
    await asyncio.gather(*begin(pool, *(b"%d" % number for number in range(20))))
    assert (len(post.wires), len(post.taken), pool.idle_count) == (2, 20, 2)


async def test_the_one_used_last_is_used_first(pool, post):
    post.hold |= {b"1", b"2"}
    sending = begin(pool, b"1", b"2")
    first, second = await post.holds(b"1"), await post.holds(b"2")
    second.release()
    await sending[1]
    first.release()
    await sending[0]
    await pool.deliver(mail())
    assert (len(first.commands), len(second.commands)) == (6, 3)


async def test_who_waits_joins_the_mail_under_way(pools, post):
    pool = pools(1)
    post.hold.add(b"1")
    sending = begin(pool, b"1", b"2", b"3")
    wire = await post.holds(b"1")
    await until(lambda: wire.buffer)
    assert wire.buffer.count(b"DATA") == 1  # the third waits for the second
    wire.release()
    await asyncio.gather(*sending)
    assert post.taken == [b"1", b"2", b"3"]
    assert len(post.wires) == 1


async def test_what_joined_a_mail_that_is_dropped_goes_by_another_connection(pools, post):
    pool = pools(1)
    post.hold.add(b"1")
    first, second, third = begin(pool, b"1", b"2", b"3")
    (await post.holds(b"1")).transport.abort()
    with pytest.raises(Dropped):
        await first
    await asyncio.gather(second, third)
    assert (post.taken, len(post.wires)) == ([b"2", b"3"], 2)


async def test_what_joined_a_mail_that_is_given_up_goes_by_another_connection(pools, post):
    pool = pools(1)
    post.hold.add(b"1")
    first, second = begin(pool, b"1", b"2")
    wire = await post.holds(b"1")
    first.cancel()
    await second
    await asyncio.wait_for(wire.lost.wait(), 5)
    assert (post.taken, len(post.wires)) == ([b"2"], 2)


async def test_what_joined_a_mail_whose_time_is_up_goes_by_another_connection(pools, post):
    pool = pools(1)
    post.hold.add(b"1")
    slow, fast = mail(b"1"), mail(b"2")
    first, second = asyncio.gather(pool.deliver(slow)), asyncio.gather(pool.deliver(fast))
    await post.holds(b"1")
    slow.end(TimeoutError())
    with pytest.raises(TimeoutError):
        await first
    await asyncio.wait_for(second, 5)
    assert (slow.content_sent, post.taken) == (True, [b"2"])


async def test_giving_up_what_joined_leaves_the_mail_before_alone(pools, post):
    pool = pools(1)
    post.hold.add(b"1")
    first, second = begin(pool, b"1", b"2")
    wire = await post.holds(b"1")
    await until(lambda: wire.buffer)
    second.cancel()
    await asyncio.wait([second])
    [third] = begin(pool, b"3")
    wire.release()
    await asyncio.gather(first, third)
    assert (post.taken, len(post.wires)) == ([b"1", b"3"], 2)


async def test_who_gives_up_waiting_is_not_sent(pools, post):
    pool = pools(1)
    post.hold |= {b"1", b"2"}
    sending = begin(pool, b"1", b"2", b"3", b"4")
    wire = await post.holds(b"1")
    sending[2].cancel()
    await asyncio.wait([sending[2]])
    wire.release()
    (await post.holds(b"2")).release()
    await asyncio.gather(*sending[:2], sending[3])
    assert post.taken == [b"1", b"2", b"4"]


async def test_a_refused_mail_frees_its_connection(pools, post):
    pool = pools(1)
    post.answers[b"RCPT TO:<b@example.com>"] = b"550 no\r\n"
    first, second = begin(pool, b"1", b"2")
    with pytest.raises(Rejected):
        await first
    await second
    assert (post.taken, len(post.wires)) == ([b"", b"2"], 1)  # this server takes a lone dot for a mail to nobody
    assert post.wires[0].commands[3:5] == [b"RSET", b"MAIL FROM:<a@example.com>"]


async def test_a_slow_mail_does_not_hold_up_another_one(pool, post, monkeypatch):
    monkeypatch.setattr(pool_module, "SLOW_S", 0.02)
    post.hold |= {b"1", b"2"}
    first, second, third = begin(pool, b"1", b"2", b"3")
    slow, other = await post.holds(b"1"), await post.holds(b"2")
    await until(lambda: slow.buffer or other.buffer)
    if other.buffer:  # who opens first gets its content out first
        slow, other, first, second = other, slow, second, first
    other.release()
    await asyncio.gather(second, third)
    assert post.taken[-1] == b"3"
    assert not first.done()
    slow.release()
    await first
    await asyncio.wait_for(slow.lost.wait(), 5)  # there the content of the third was wanted
    assert (sorted(post.taken), pool.idle_count) == ([b"1", b"2", b"3"], 1)


async def test_it_stays_behind_a_mail_that_takes_no_longer_than_usual(pool, post):
    post.hold |= {b"1", b"2"}
    sending = begin(pool, b"1", b"2", b"3")
    one, other = await post.holds(b"1"), await post.holds(b"2")
    await until(lambda: one.buffer or other.buffer)
    for wire in (one, other) if other.buffer else (other, one):
        wire.release()
        await asyncio.sleep(0.01)
    await asyncio.gather(*sending)
    assert (pool.idle_count, len(post.wires)) == (2, 2)


async def test_a_place_that_gets_free_is_for_who_waits_behind_a_slow_mail(pool, post, monkeypatch):
    monkeypatch.setattr(pool_module, "SLOW_S", 0.02)
    post.hold |= {b"1", b"2"}
    first, second, third = begin(pool, b"1", b"2", b"3")
    slow, other = await post.holds(b"1"), await post.holds(b"2")
    await until(lambda: slow.buffer or other.buffer)
    if other.buffer:
        slow, other, first, second = other, slow, second, first
    other.transport.abort()
    await third
    with pytest.raises(Dropped):
        await second
    assert (post.taken, len(post.wires)) == ([b"3"], 3)
    slow.release()
    await first


async def test_an_idle_connection_that_died_is_replaced_and_the_others_are_not_trusted(pool, post):
    await asyncio.gather(*begin(pool, b"1", b"2"))
    old = list(post.wires)
    await pool.deliver(mail())
    used = next(wire for wire in old if len(wire.commands) == 6)
    post.answers[b"MAIL FROM:<a@example.com>"] = b"421 restarting\r\n"
    await pool.deliver(mail(b"3"))
    assert post.taken[-1] == b"3"
    assert len(post.wires) == 3
    for wire in old:
        await asyncio.wait_for(wire.lost.wait(), 5)
    assert pool.idle_count == 1
    assert used in old


async def test_a_connection_lost_while_idle_is_forgotten(pool, post):
    await pool.deliver(mail())
    post.wires[0].transport.abort()
    await until(lambda: pool.idle_count == 0)
    await asyncio.gather(*begin(pool, b"1", b"2"))
    assert pool.idle_count == 2


async def test_idle_connections_are_closed_in_time(pools, post, monkeypatch):
    monkeypatch.setattr(pool_module, "IDLE_S", 0.01)
    pool = pools(1)
    for number in (1, 2):
        await pool.deliver(mail())
        await asyncio.wait_for(post.wires[-1].lost.wait(), 5)
        assert (pool.idle_count, len(post.wires)) == (0, number)
        assert post.wires[-1].commands[-1] == b"QUIT"


async def test_a_failed_opening_frees_its_place():
    async def fail(_keeper):
        await asyncio.sleep(0)
        raise ServerTrouble("no")

    pool = Pool(1, fail)
    for _ in range(2):
        results = await asyncio.wait_for(asyncio.gather(*begin(pool, b"1", b"2", b"3"), return_exceptions=True), 5)
        assert [type(result) for result in results] == [ServerTrouble] * 3


async def test_an_opening_that_takes_too_long_frees_its_place(pools, open_, post):
    async def stall(keeper):
        if post.hold:
            await asyncio.Event().wait()
        return await open_(keeper)

    pool = Pool(1, stall)
    post.hold.add(b"1")
    late = mail(b"1", after_s=0.02)
    stalled = asyncio.gather(pool.deliver(late))
    [waiting] = begin(pool, b"2")
    await asyncio.sleep(0)
    late.end(TimeoutError())  # by the deadlines, in the same moment
    post.hold.clear()
    with pytest.raises(TimeoutError):
        await stalled
    await waiting
    assert post.taken == [b"2"]
    never_retrieved = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: never_retrieved.append(context))
    del late, stalled
    gc.collect()
    assert never_retrieved == []
    pool.close()


async def test_who_gives_up_when_its_turn_to_open_comes_leaves_it_to_the_next(pools, post):
    pool, mails = pools(1), [mail(b"1"), mail(b"2"), mail(b"3")]
    post.hold.add(b"1")
    first, second, third = [asyncio.gather(pool.deliver(one)) for one in mails]
    await post.holds(b"1")
    first.cancel()
    await until(lambda: mails[1].is_over)
    second.cancel()
    await asyncio.wait_for(third, 5)
    assert (post.taken, len(post.wires)) == ([b"3"], 2)


async def test_who_has_just_given_up_is_passed_over(pools, post):
    pool, mails = pools(1), [mail(b"1"), mail(b"2"), mail(b"3"), mail(b"4")]
    post.hold.add(b"1")
    sending = [asyncio.gather(pool.deliver(one)) for one in mails]
    wire = await post.holds(b"1")
    mails[2].done.cancel()
    assert pool.next_mail() is mails[3]
    mails[3].end()
    wire.release()
    await asyncio.gather(*sending[:2], sending[3])


async def test_who_has_just_given_up_behind_a_slow_mail_takes_no_connection(pools, post, monkeypatch):
    monkeypatch.setattr(pool_module, "SLOW_S", 0)
    pool, mails = pools(1), [mail(b"1"), mail(b"2")]
    post.hold.add(b"1")
    sending = [asyncio.gather(pool.deliver(one)) for one in mails]
    wire = await post.holds(b"1")
    pool._size = 2
    mails[1].done.cancel()
    pool._relieve()
    wire.release()
    await sending[0]
    await asyncio.wait(sending[1:])
    assert len(post.wires) == 1


async def test_a_probe_leaves_its_connection_for_the_next_mail(pool, post):
    await pool.probe()
    await pool.probe()
    await pool.deliver(mail())
    assert len(post.wires) == 1


async def test_a_connection_that_rested_since_a_probe_may_have_died(pool, post):
    await pool.probe()
    post.answers[b"MAIL FROM:<a@example.com>"] = b"421 restarting\r\n"
    await pool.deliver(mail(b"1"))
    assert (post.taken, len(post.wires)) == ([b"1"], 2)


async def test_a_place_is_freed_once_when_the_new_connection_fails(open_, post):
    failures = [None, ServerTrouble("no")]

    async def fail_second(keeper):
        if failures and (failure := failures.pop(0)):
            await asyncio.sleep(0)
            raise failure
        return await open_(keeper)

    pool = Pool(1, fail_second)
    await pool.deliver(mail())
    post.answers[b"MAIL FROM:<a@example.com>"] = b"421 restarting\r\n"
    with pytest.raises(ServerTrouble):
        await pool.deliver(mail())
    await asyncio.gather(*begin(pool, b"1", b"2", b"3"))
    assert (post.taken[1:], len(post.wires)) == ([b"1", b"2", b"3"], 2)
    pool.close()


async def probing(pool, post):
    """A probe while the only place is taken: the mail that has it, its connection, and the probe, which waits."""
    post.hold.add(b"1")
    [sending] = begin(pool, b"1")
    wire = await post.holds(b"1")
    probe = asyncio.gather(pool.probe())
    await asyncio.sleep(0)
    assert not probe.done()
    return sending, wire, probe


async def test_a_probe_waits_when_all_places_are_taken(pools, post):
    sending, wire, probe = await probing(pools(1), post)
    wire.release()
    await asyncio.gather(sending, asyncio.wait_for(probe, 5))
    assert len(post.wires) == 1


async def test_a_probe_opens_when_the_place_was_lost(pools, post):
    pool = pools(1)
    sending, wire, probe = await probing(pool, post)
    wire.transport.abort()
    await asyncio.wait_for(probe, 5)
    assert (len(post.wires), pool.idle_count) == (2, 1)
    with pytest.raises(Dropped):
        await sending


async def test_closed_it_keeps_nothing(pool, post):
    await asyncio.gather(*begin(pool, b"1", b"2"))
    post.hold.add(b"3")
    [third] = begin(pool, b"3")
    wire = await post.holds(b"3")
    pool.close()
    wire.release()
    await third
    for wire in post.wires:
        await asyncio.wait_for(wire.lost.wait(), 5)
    assert pool.idle_count == 0
