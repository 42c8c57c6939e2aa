"""Server: what each failure of a real conversation becomes."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.sdk import InDoubt, Permanent, QueueClass, Sent, Temporary
from addispatch.sdk.testing import make_delivery
from addispatch.simulator.mailsink import Fault, MailSink, Stage


def to(address="adam@example.com", **changes):
    return make_delivery("email", address, **changes)


@pytest.fixture
async def channel(start, sink, table):
    return (await start(primary=table(sink, connections=2, timeout_s=5))).channels[0]


async def test_a_mail_arrives(channel, sink):
    receipt = await channel.send(to(text="Druck zu hoch: 7,4 bar °", subject="Pumpe 3", id="d1", case_id="c1"))
    assert receipt == Sent("<c1.d1.0.node-a@example.com>", by="primary")
    mail = await sink.expect("Pumpe 3")
    assert (mail.sender, mail.recipients) == ("plant@example.com", ("adam@example.com",))
    assert mail.text == "Druck zu hoch: 7,4 bar °\n"
    assert mail.message["Message-ID"] == "<c1.d1.0.node-a@example.com>"


async def test_an_answer_finds_its_way_back(start, sink, table):
    [channel] = (await start(primary=table(sink), reply_to="acks@example.com")).channels
    token = "Ab-_" * 14
    assert await channel.send(to(token=token, id="d1")) == Sent(f"<ack.{token}.d1.node-a@example.com>", by="primary")
    mail = await sink.expect("Pump 3")
    assert mail.message["Reply-To"] == "acks@example.com"
    assert mail.message["Message-ID"] == f"<ack.{token}.d1.node-a@example.com>"


@pytest.mark.parametrize("pipelining", [True, False])
async def test_connections_are_reused(start, table, pipelining):
    async with MailSink(pipelining=pipelining) as sink:
        [channel] = (await start(primary=table(sink, connections=1))).channels
        for _ in range(20):
            assert isinstance(await channel.send(to()), Sent)
        assert sink.connection_count == 1
        assert len(sink.mails) == 20


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA])
async def test_5xx_is_permanent_4xx_temporary(channel, sink, stage):
    sink.faults[stage] = "550 5.1.1 no such user"
    receipt = await channel.send(to())
    assert isinstance(receipt, Permanent)
    assert "550 5.1.1 no such user" in receipt.reason
    sink.faults[stage] = "451 4.7.1 greylisted"
    receipt = await channel.send(to())
    assert isinstance(receipt, Temporary)
    assert "greylisted" in receipt.reason
    assert receipt.by == "primary"
    sink.faults.clear()
    assert isinstance(await channel.send(to()), Sent)
    assert channel.health.up


async def test_what_is_over_is_forgotten(channel, sink):
    await asyncio.gather(*(channel.send(to()) for _ in range(20)))
    sink.faults[Stage.RCPT] = "550 5.1.1 no such user"
    await channel.send(to())
    assert channel.servers[0]._deadlines.count == 0


async def test_a_refused_sender_is_temporary_for_another_server_may_take_it(channel, sink):
    sink.faults[Stage.MAIL] = "553 5.7.1 sender not owned by user"
    assert isinstance(await channel.send(to()), Temporary)


async def test_a_bad_address_is_permanent_without_asking_the_server(channel, sink):
    receipt = await channel.send(to("91234567"))
    assert receipt == Permanent("'91234567' is no mail address: it has no @", by="primary")


async def test_dropped_after_the_text_is_in_doubt(channel, sink, context):
    sink.faults[Stage.DATA] = Fault.DROP
    receipt = await channel.send(to(text="half gone"))
    assert isinstance(receipt, InDoubt)
    await sink.expect("half gone")


async def test_no_answer_after_the_text_is_in_doubt(start, sink, table):
    [channel] = (await start(primary=table(sink, timeout_s=0.3))).channels
    sink.faults[Stage.DATA] = Fault.SILENT
    receipt = await channel.send(to())
    assert receipt == InDoubt("no answer within 0.3 s after the mail was sent", by="primary")


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DROP])
async def test_silence_or_drop_before_the_text_is_temporary(start, sink, table, fault):
    [channel] = (await start(primary=table(sink, timeout_s=0.3))).channels
    sink.faults[Stage.RCPT] = fault
    assert isinstance(await channel.send(to()), Temporary)
    assert sink.mails == []


async def test_a_connection_that_died_of_age_is_replaced_unseen(channel, sink, context):
    for _ in range(3):
        assert isinstance(await channel.send(to()), Sent)
        sink.drop_connections()
    assert isinstance(await channel.send(to()), Sent)
    assert context.events == []


class Once(dict):
    """Faults that strike one time."""

    def get(self, key, default=None):
        return self.pop(key, default)


async def test_a_server_that_has_enough_of_a_connection_gets_another(start, sink, table, context):
    [channel] = (await start(primary=table(sink, connections=1))).channels
    await channel.send(to())
    sink.faults = Once({Stage.MAIL: "421 4.7.0 too many mails on this connection"})
    assert isinstance(await channel.send(to()), Sent)
    assert sink.faults == {}
    assert sink.connection_count == 2
    assert context.events == []


async def test_a_server_restart_under_load_loses_nothing(channel, sink, context):
    mails = [to(text=f"mail {n}") for n in range(60)]
    queue, doubted = iter(mails), set()

    async def work():
        for delivery in queue:
            # As the core does: until it is sent, or in doubt.
            while not isinstance(receipt := await channel.send(delivery), (Sent, InDoubt)):
                await asyncio.sleep(0.05)
            if isinstance(receipt, InDoubt):
                doubted.add(delivery.text)

    async def restart():
        for _ in range(3):
            await sink.mails.wait_for()
            await sink.stop()
            await sink.start()

    await asyncio.wait_for(asyncio.gather(work(), work(), restart()), 60)
    arrived = [mail.text.strip() for mail in sink.mails]
    assert {delivery.text for delivery in mails} - doubted <= set(arrived)
    assert len(doubted) <= 6  # two at each restart: those whose text was on the way
    assert len(arrived) == len(set(arrived))


async def test_trouble_pauses_the_channel_until_a_probe_gets_through(channel, sink, context):
    assert isinstance(await channel.send(to()), Sent)
    assert channel.window == 8
    await sink.stop()
    receipt = await channel.send(to())
    assert isinstance(receipt, Temporary)
    assert receipt.by == "primary"
    assert channel.window == 0
    assert not channel.health.up
    assert "Connect" in channel.health.reason
    event = await context.wait_for_event("mail server primary in trouble")
    assert event.severity == "severe"
    assert event.text.endswith("; mail waits")
    changes = context.window_change_count
    await sink.start()
    event = await context.wait_for_event("works again; mail goes by primary")
    assert event.severity == "info"
    assert context.window_change_count == changes + 1
    assert channel.window == 8
    assert isinstance(await channel.send(to()), Sent)


class OnceAfterTheText(dict):
    """A fault after the final dot of one mail; the sink looks twice at each."""

    look_count = 0

    def get(self, key, default=None):
        if key is Stage.DATA:
            self.look_count += 1
            return super().get(key) if self.look_count <= 2 else None
        return default


@pytest.mark.parametrize("fault", ["550 5.7.1 spam", "451 4.7.1 later"])
async def test_a_refused_text_says_nothing_of_the_mails_behind_it(start, sink, table, fault):
    [channel] = (await start(primary=table(sink, connections=1))).channels
    await channel.send(to())
    sink.faults = OnceAfterTheText({Stage.DATA: fault})
    first, *others = await asyncio.gather(*(channel.send(to(text=f"mail {n}")) for n in range(8)))
    assert isinstance(first, Permanent if fault.startswith("5") else Temporary)
    assert [type(receipt) for receipt in others] == [Sent] * 7
    assert (len(sink.mails), sink.connection_count) == (8, 1)


async def test_a_drop_after_one_text_leaves_no_other_mail_in_doubt(start, sink, table):
    [channel] = (await start(primary=table(sink, connections=1))).channels
    await channel.send(to())
    sink.faults = OnceAfterTheText({Stage.DATA: Fault.DROP})
    first, *others = await asyncio.gather(*(channel.send(to(text=f"mail {n}")) for n in range(8)))
    assert isinstance(first, InDoubt)
    assert [type(receipt) for receipt in others] == [Sent] * 7
    assert len(sink.mails) == len({mail.text for mail in sink.mails}) == 9


async def test_silence_after_one_text_leaves_no_other_mail_in_doubt(start, sink, table):
    [channel] = (await start(primary=table(sink, connections=1, timeout_s=0.4))).channels
    await channel.send(to())
    sink.faults = OnceAfterTheText({Stage.DATA: Fault.SILENT})

    async def later():
        await sink.expect("mail 1")
        await asyncio.sleep(0.2)
        return await channel.send(to(text="mail 3"))

    receipts = await asyncio.gather(channel.send(to(text="mail 1")), channel.send(to(text="mail 2")), later())
    # The second had no time left when the first one's was up; the third had.
    assert [type(receipt) for receipt in receipts] == [InDoubt, Temporary, Sent]
    assert receipts[1].reason.endswith("no answer within 0.4 s")


async def test_a_wrong_password_is_found_at_the_start(start, table, context):
    async with MailSink(users={"plant": "secret"}) as sink:
        instance = await start(primary=table(sink, user="plant", password="wrong"))
        await context.wait_for_event("login refused: 535")
        assert "login refused" in instance.status_line()
        assert "wrong" not in str(context.events)


async def test_a_login_asked_for_in_the_middle_is_trouble_of_the_server(channel, sink, context):
    sink.faults[Stage.MAIL] = "530 5.7.0 authentication required"
    assert isinstance(await channel.send(to()), Temporary)
    await context.wait_for_event("in trouble")


async def test_an_abandoned_send_leaves_no_half_mail_behind(channel, sink):
    sink.faults[Stage.DATA] = Fault.SILENT
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channel.send(to(text="abandoned")), 0.2)
    sink.faults.clear()
    receipt = await channel.send(to(text="after it"))
    assert isinstance(receipt, Sent)
    await sink.expect("after it")


async def test_the_cap_holds_and_exempts_emergencies(start, sink, table):
    [channel] = (await start(primary=table(sink, daily_cap=1))).channels
    assert isinstance(await channel.send(to("bad address")), Permanent)
    assert isinstance(await channel.send(to()), Sent)
    receipt = await channel.send(to())
    assert isinstance(receipt, Temporary)
    assert receipt.reason == "daily cap reached: 1 of 1 mails today"
    assert 0 < receipt.retry_after_s <= 86_400
    assert isinstance(await channel.send(to(queue_class=QueueClass.EMERGENCY)), Sent)
