"""System alerts: told to those the settings name, each address once, in a case that needs no answer."""

from __future__ import annotations

from pipelines import ADAM, JANE, group, person
from rooms import PHONE_ADAM, PHONE_CHIEF, SMS_CHIEF, open_room, usual

from addispatch.domain.alarm import QueueClass
from addispatch.domain.text import segment_count
from addispatch.pipeline.alert import alert, tell

CHIEF = {"system_alert_to": ("chief",)}


async def raised(room, text="No modem", **options):
    return await room.unit(lambda tx: alert(tx, room.desk, text, room.now_ms, **options))


async def test_the_system_alert_recipients_are_told_and_nobody_else(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM, PHONE_CHIEF, settings=CHIEF) as room:
        assert await raised(room) == 1
        assert await room.sends() == ["Chief: No modem"]
        (case,) = await room.cases()
        assert (case["source"], case["state"], case["reason"], case["code"]) == ("addispatch", "closed", "sent", None)


async def test_it_never_escalates_itself_whatever_policy_its_readers_have(tmp_path):
    chief = person("Chief", sms=SMS_CHIEF, policy="usual")
    async with open_room(tmp_path, chief, usual(), settings=CHIEF) as room:
        await raised(room)
        assert await room.next_s() is None
        assert await room.waiting() == ["Chief: No modem"]


async def test_without_anybody_to_tell_nothing_is_stored(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM) as room:
        assert await raised(room) == 0
        assert await room.cases() == []
    async with open_room(tmp_path, person("Chief"), settings={"system_alert_to": ("chief", "gone")}) as room:
        assert await raised(room) == 0


async def test_each_address_once_though_he_is_in_two_groups(tmp_path):
    people = (ADAM, JANE, group("Ops", "Adam", "Jane"), group("Fire", "Adam"))
    async with open_room(tmp_path, *people, settings={"system_alert_to": ("ops", "fire", "adam")}) as room:
        assert await raised(room, subject="Modem") == 4
        claims = await room.claims()
        assert sorted((c.recipient, c.key.channel, c.subject) for c in claims) == [
            ("Adam", "email", "Modem"), ("Adam", "sms", ""), ("Jane", "email", "Modem"), ("Jane", "sms", ""),
        ]  # fmt: skip
        assert len(await room.cases()) == 1, "an audience with nobody new gets no case"


async def test_a_mail_without_subject_has_the_beginning_of_its_text(tmp_path):
    async with open_room(tmp_path, ADAM, settings={"system_alert_to": ("adam",)}) as room:
        await raised(room, "line one\n" + "word " * 30)
        (claim,) = await room.claims("email")
        assert claim.subject.startswith("line one word")
        assert len(claim.subject) <= 78


async def test_a_long_text_is_cut_for_an_sms(tmp_path):
    async with open_room(tmp_path, PHONE_CHIEF, settings=CHIEF, max_segments=2) as room:
        await raised(room, "„" + "word " * 200 + "”")
        (claim,) = await room.claims("sms")
        assert segment_count(claim.text) == 2
        assert claim.text.startswith('"word'), "and folded first"


async def test_a_way_that_cannot_work_is_seen_and_not_counted(tmp_path):
    chief = person("Chief", "chat", "sms", sms=SMS_CHIEF, chat=("https://chat.example/x",))
    async with open_room(tmp_path, chief, settings=CHIEF) as room:
        assert await raised(room) == 1
        found = {d["channel"]: (d["state"], d["error"]) for d in await room.deliveries()}
        assert found == {"sms": ("queued", None), "chat": ("failed", "no plugin provides the channel chat")}


async def test_told_by_some_channels_only_and_as_urgent_as_asked(tmp_path):
    async with open_room(tmp_path, ADAM, PHONE_CHIEF) as room:
        audiences = [room.desk.directory.audience(ident) for ident in ("adam", "chief")]

        def unit(tx):
            urgency = QueueClass.REPORT
            count = tell(tx, room.desk, audiences, "all is well", room.now_ms, urgency=urgency, channels=("email",))
            return count, set(tx.channels)

        assert await room.unit(unit) == (1, {"email"}), "and the lane is woken"
        (claim,) = await room.claims()
        assert (claim.recipient, claim.queue_class) == ("Adam", QueueClass.REPORT)
