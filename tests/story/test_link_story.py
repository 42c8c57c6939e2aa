"""Acknowledging by the link in a message: the real node, the page as a phone fetches it."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from pipelines import ADMIN
from tale import Pocket, Tale, people

from addispatch.http.link_app import LinkApp

URL = "http://alarms.plant.example"
DIRECTORY = (
    people("Adam", "Jane", "Bo")
    + """
[[group]]
name = "Team"
members = ["Adam", "Jane"]
policy = "{kind}"
[[policy]]
name = "basic"
[[policy.level]]
after_minutes = 5
to = ["Bo"]
[[policy]]
name = "recall"
kind = "recall"
[[policy.level]]
after_minutes = 5
resend = true
"""
)


def told(folder: Path, kind: str = "basic") -> Tale:
    return Tale(folder, DIRECTORY.replace("{kind}", kind), url=URL)


class Phone:
    """Opens the link of the last message that came."""

    def __init__(self, tale: Tale, pocket: Pocket) -> None:
        self._tale = tale
        self.link = re.findall(rf"{URL}/a/\S+", pocket.received[-1].text)[-1]

    async def asks(self, method: str, **data: str) -> httpx.Response:
        pages = LinkApp(
            self._tale.operations, node="node-a", zone=ZoneInfo("UTC"), is_started=lambda: self._tale.node.is_started
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(pages), follow_redirects=True) as client:
            answer = await client.request(method, self.link, data=data or None)
        await self._tale.quiet()
        return answer

    async def opens(self) -> str:
        return (await self.asks("GET")).text

    async def presses(self, action: str, comment: str = "") -> str:
        return (await self.asks("POST", action=action, comment=comment)).text


async def test_a_link_acknowledges_for_all_and_only_when_pressed(tmp_path: Path) -> None:
    async with told(tmp_path) as tale:
        await tale.alarm("pump is hot")
        await tale.phone("Jane").expects("pump is hot", URL)
        jane, adam = Phone(tale, tale.phone("Jane")), Phone(tale, tale.phone("Adam"))
        assert jane.link != adam.link
        page = await jane.opens()
        assert "pump is hot" in page
        assert tale.code in page
        assert (await tale.case())["state"] == "open", "looking is not acknowledging"
        assert "Acknowledged. Thank you, Jane." in await jane.presses("ack", "on my way")
        case = await tale.case()
        assert (case["acknowledged_by"], case["acknowledgements"][0]["via"]) == ("Jane", "link")
        await tale.phone("Adam").expects("cknowledged by Jane: on my way")
        assert "Already acknowledged by Jane" in await adam.opens()
        assert "Your comment was noted." in await adam.presses("comment", "me too")
        await tale.clock.passes(minutes=20)
        await tale.phone("Bo").is_silent()


async def test_pressing_twice_is_one_acknowledgement(tmp_path: Path) -> None:
    async with told(tmp_path) as tale:
        await tale.alarm()
        jane = Phone(tale, tale.phone("Jane"))
        for _ in range(2):
            assert "Thank you, Jane" in await jane.presses("ack")
        assert len((await tale.case())["acknowledgements"]) == 1


async def test_who_cannot_come_says_so_and_the_escalation_goes_on(tmp_path: Path) -> None:
    async with told(tmp_path) as tale:
        await tale.alarm("pump is hot")
        assert "Noted: you cannot come, Jane." in await Phone(tale, tale.phone("Jane")).presses("decline", "abroad")
        assert "Noted" in await Phone(tale, tale.phone("Adam")).presses("decline")
        await tale.phone("Bo").expects("pump is hot")
        assert (await tale.case())["state"] == "open"


async def test_in_a_recall_a_link_is_one_person_s(tmp_path: Path) -> None:
    async with told(tmp_path, "recall") as tale:
        await tale.alarm("to the plant")
        jane, adam = Phone(tale, tale.phone("Jane")), Phone(tale, tale.phone("Adam"))
        assert "Thank you, Jane" in await jane.presses("ack")
        assert 'value="ack"' in await adam.opens(), "Jane's does not count for Adam"
        assert 'value="ack"' not in await jane.opens()
        assert "Thank you, Adam" in await adam.presses("ack")
        assert (await tale.case())["state"] == "closed"


async def test_links_outlive_a_restart_and_a_new_key_but_not_their_time(tmp_path: Path) -> None:
    async with told(tmp_path) as tale:
        await tale.alarm("pump is hot")
        jane, adam = Phone(tale, tale.phone("Jane")), Phone(tale, tale.phone("Adam"))
        await tale.restart()
        assert "pump is hot" in await jane.opens()
        await tale.operations.link_key_rotate(ADMIN)
        assert "pump is hot" in await jane.opens()
        await tale.operations.link_key_rotate(ADMIN)
        for phone in (jane, adam):
            answer = await phone.asks("POST", action="ack")
            assert (answer.status_code, (await tale.case())["state"]) == (404, "open")


@pytest.mark.parametrize("minutes", [72 * 60 - 1, 72 * 60 + 1])
async def test_links_end_with_their_time(tmp_path: Path, minutes: int) -> None:
    async with told(tmp_path) as tale:
        await tale.alarm("pump is hot")
        jane = Phone(tale, tale.phone("Jane"))
        tale.clock.forward(minutes=minutes)
        assert (await jane.asks("GET")).status_code == (200 if minutes < 72 * 60 else 404)
