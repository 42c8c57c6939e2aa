"""The pages behind links: who may, what changes something, and what never does."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from links import LinkDesk

from addispatch.domain.errors import StoreError
from addispatch.http import body, link_app
from addispatch.http.app import create_app
from addispatch.http.link_app import LinkApp, one_line
from addispatch.http.server import HttpServer, Port
from addispatch.runtime.metrics import Metrics

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Served:
    """The API with the pages beside it, and the pages on a port of their own."""

    def __init__(self, folder: Path) -> None:
        self.desk = LinkDesk()
        self.is_started = True
        self.told: list[str] = []
        self.metrics = Metrics()
        links = LinkApp(
            self.desk,
            node="node-a",
            zone=ZoneInfo("Asia/Singapore"),
            is_started=lambda: self.is_started,
            on_guessing=self.told.append,
        )
        app = create_app(
            self.desk,
            authenticate=lambda _: None,
            metrics=self.metrics,
            is_started=lambda: self.is_started,
            links=links,
        )
        self.links = Port(links, ("127.0.0.1", 0), pytest.fail, "http.ack_listen")
        self.server = HttpServer(app, folder / "a.sock", ("127.0.0.1", 0), pytest.fail, self.links)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    served = Served(tmp_path)
    await served.server.start()
    yield served
    await served.server.stop()


@pytest.fixture
async def desk(served: Served) -> LinkDesk:
    return served.desk


@pytest.fixture(params=["beside the API", "alone"])
async def browser(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    port = served.server.tcp_port if request.param == "beside the API" else served.links.bound
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client


@pytest.fixture
async def phone(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.links.bound}", timeout=10) as client:
        yield client


def text_of(answer: httpx.Response) -> str:
    """What a reader sees."""
    html = re.sub(r"<style>.*?</style>", "", answer.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_looking_shows_the_case_and_changes_nothing(browser, desk):
    path = f"/a/{desk.token(desk.add())}"
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        answer = await browser.request(method, path)
        assert answer.status_code == (204 if method == "OPTIONS" else 200)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"].startswith("noindex")
        assert answer.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert not any(name.startswith("access-control") for name in answer.headers)
    shown = text_of(await browser.get(path))
    for words in ("A123", "Pump 3 is hot", "high", "CriticalAlarms", "Mon 23 Nov 2026, 13:55 (Asia/Singapore)", "Jane"):
        assert words in shown
    assert "Acknowledge Cannot come" in shown
    assert desk.answers == []


async def test_pressing_acknowledges_once_and_reloading_does_not_repeat(browser, desk):
    case = desk.add()
    path = f"/a/{desk.token(case)}"
    answer = await browser.post(path, data={"action": "ack", "comment": " on my\r\nway\t "})
    assert (answer.status_code, answer.content) == (303, b"")
    assert desk.answers == [(case["id"], "Jane", "ack", "on my way")]
    page = await browser.get(str(answer.next_request.url))
    assert "Acknowledged. Thank you, Jane." in text_of(page)
    assert '<button form="answer" class="no" name="action" value="comment">' in page.text
    assert 'value="ack"' not in page.text
    assert len(desk.answers) == 1


async def test_a_browser_that_hides_where_it_comes_from_gets_in(browser, desk):
    """With no-referrer the origin of a form is null; behind a proxy the host is another one."""
    for number, headers in enumerate(
        ({"origin": "null"}, {"origin": "https://alarms.example.com", "host": "10.0.0.1"})
    ):
        case = desk.add()
        answer = await browser.post(f"/a/{desk.token(case)}", data={"action": "ack"}, headers=headers)
        assert answer.status_code == 303
        assert len(desk.answers) == number + 1


async def test_the_way_back_is_relative(browser, desk):
    """So that a proxy may have the pages under another path, and behind TLS."""
    token = desk.token(desk.add())
    answer = await browser.post(f"/a/{token}?said=commented", data={"action": "ack"})
    assert answer.headers["location"] == f"./{token}?said=acknowledged"


async def test_pressing_twice_is_harmless(browser, desk):
    case = desk.add()
    path = f"/a/{desk.token(case)}"
    both = await asyncio.gather(*(browser.post(path, data={"action": "ack"}, follow_redirects=True) for _ in range(2)))
    assert ["Thank you, Jane" in text_of(answer) for answer in both] == [True, True]
    assert len(case["acknowledgements"]) == 1


async def test_the_second_person_is_told_who_was_first_and_may_comment(browser, desk):
    case = desk.add()
    await browser.post(f"/a/{desk.token(case, 'Adam')}", data={"action": "ack"})
    path = f"/a/{desk.token(case)}"
    shown = text_of(await browser.get(path))
    assert "Already acknowledged by Adam at 14:02." in shown
    assert "Send comment" in shown
    answer = await browser.post(path, data={"action": "comment", "comment": "me too"}, follow_redirects=True)
    assert "Your comment was noted." in text_of(answer)
    assert desk.answers[-1] == (case["id"], "Jane", "comment", "me too")


async def test_declining(browser, desk):
    path = f"/a/{desk.token(desk.add())}"
    answer = await browser.post(path, data={"action": "decline", "comment": "abroad"}, follow_redirects=True)
    assert "Noted: you cannot come, Jane." in text_of(answer)
    assert 'value="ack"' in answer.text, "one may think again"
    assert [one[2:] for one in desk.answers] == [("decline", "abroad")]


def wrong_tokens(desk: LinkDesk) -> dict[str, str]:
    good = desk.token(desk.add())
    return {
        "expired": desk.token(desk.add(), ends_at_s=999),
        "altered": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "other key": desk.token(desk.add(), key=bytes(32)),
        "no such case": desk.token({"id": "0190b0f2-1111-5222-8333-444455556666"}),
        "no such person": desk.token(desk.add(), "Mallory"),
        "rubbish": "x",
        "long": "x" * 5000,
        "signs": "%ff%00%2e%2e",
    }


async def test_every_wrong_token_gets_the_same_answer(browser, desk):
    answers = {}
    for name, token in wrong_tokens(desk).items():
        for method in ("GET", "POST"):
            data = {"action": "ack"} if method == "POST" else None
            answer = await browser.request(method, f"/a/{token}", data=data)
            headers = {key: value for key, value in answer.headers.items() if key != "date"}
            answers[method, name] = (answer.status_code, headers, answer.content)
    assert len({str(answer) for answer in answers.values()}) == 1
    status, _, content = answers["GET", "expired"]
    assert status == 404
    assert b"This link is not valid" in content
    assert b"<button" not in content
    assert desk.answers == []
    assert desk.shown_count == len(answers) // 2, "each is looked up once, whatever is wrong with it"


async def test_a_link_works_until_its_end(browser, desk):
    path = f"/a/{desk.token(desk.add(), ends_at_s=2_000)}"
    desk.now_s = 1_999.9
    assert (await browser.get(path)).status_code == 200
    desk.now_s = 2_000.0
    assert (await browser.get(path)).status_code == 404
    assert (await browser.post(path, data={"action": "ack"})).status_code == 404


async def test_what_a_phone_takes_for_a_part_of_the_link_does_no_harm(browser, desk):
    token = desk.token(desk.add())
    for behind in (".", ")", "),", ">"):
        assert (await browser.get(f"/a/{token}{behind}")).status_code == 200
    answer = await browser.post(f"/a/{token}.", data={"action": "ack"})
    assert answer.headers["location"] == f"./{token}?said=acknowledged"


BAD_FORMS = [
    (b"", FORM, 422),
    (b"action", FORM, 400),
    (b"action=ack&action=decline", FORM, 400),
    (b"action=ack&by=Adam", FORM, 400),
    (b"action=ack&comment=%ff", FORM, 400),
    (b"action=ack&comment=%ED%A0%80", FORM, 400),
    (b"action=ack&comment=\xc3\xa9", FORM, 400),
    (b"&".join(b"a%d=1" % n for n in range(50)), FORM, 400),
    (b"action=ack", {}, 415),
    (b"action=ack", {"content-type": "text/plain"}, 415),
    (b'{"action": "ack"}', {"content-type": "application/json"}, 415),
    (b"action=ack", {"content-type": "application/x-www-form-urlencoded; charset=utf-16"}, 415),
    (b"action=ack&comment=" + b"x" * 8192, FORM, 413),
    (b"comment=x", FORM, 422),
    (b"action=close", FORM, 422),
    (b"action=comment&comment=+%0A", FORM, 422),
    (b"action=ack&comment=" + b"x" * 501, FORM, 422),
    (b"action=ack&comment=raise", FORM, 422),
    (b"action=ack&comment=refuse+me", FORM, 409),
]


@pytest.mark.parametrize(("content", "headers", "status"), BAD_FORMS)
async def test_a_bad_form_changes_nothing_and_is_explained(phone, desk, content, headers, status):
    answer = await phone.post(f"/a/{desk.token(desk.add())}", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert desk.answers == []
    if status in (409, 422):
        assert 'class="notice bad"' in answer.text
        assert "Acknowledge Cannot come" in text_of(answer)


async def test_a_body_that_only_claims_to_be_small(phone, desk):
    async def chunks():
        for _ in range(9):
            yield b"action=ack&comment=" + b"x" * 1000

    answer = await phone.post(f"/a/{desk.token(desk.add())}", content=chunks(), headers=FORM)
    assert (answer.status_code, desk.answers) == (413, [])


async def test_a_body_that_never_comes(phone, desk, monkeypatch):
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.05)

    async def slow():
        yield b"action="
        await asyncio.sleep(10)

    answer = await phone.post(f"/a/{desk.token(desk.add())}", content=slow(), headers=FORM)
    assert (answer.status_code, desk.answers) == (408, [])


async def test_the_longest_comment_fits_and_what_was_typed_comes_back(phone, desk):
    path = f"/a/{desk.token(desk.add())}"
    longest = "\U0001f525" * 500
    assert (await phone.post(path, data={"action": "comment", "comment": longest})).status_code == 303
    assert desk.answers[-1][3] == longest
    answer = await phone.post(path, data={"action": "ack", "comment": "</textarea><script>" + "é" * 500})
    assert answer.status_code == 422
    assert "comment: must have at most 500 characters" in text_of(answer)
    assert "&lt;/textarea&gt;&lt;script&gt;" + "é" * 500 in answer.text
    assert "<script" not in answer.text


@given(
    st.binary(max_size=300)
    | st.text(max_size=60).map(lambda text: urlencode({"action": "ack", "comment": text}).encode())
)
@example(b"action=ack&comment=%00%0d%0aX-Evil:+1")
@example(b"action=%61ck&comment=%E2%80%AE")
def test_no_form_is_more_than_a_form(raw):
    """Whatever is posted: an answer that was foreseen, and a comment that is one line."""
    desk = LinkDesk()
    app = LinkApp(desk, node="n", zone=ZoneInfo("UTC"), is_started=lambda: True)

    async def post():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.post(f"/a/{desk.token(desk.add())}", content=raw, headers=FORM)

    answer = asyncio.run(post())
    assert answer.status_code in (303, 400, 422)
    assert len(desk.answers) == (answer.status_code == 303)
    for _, _, action, comment in desk.answers:
        assert action in ("ack", "decline", "comment")
        assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in comment)


def test_a_comment_becomes_one_line():
    assert one_line(" a\r\n\tb\0c\x1b[31m \x85 d ") == "a b c [31m d"
    assert one_line("\r\n") == ""


async def test_methods(browser, desk):
    path = f"/a/{desk.token(desk.add())}"
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await browser.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (await browser.options(path)).headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (await browser.post("/check")).status_code == 405
    assert desk.answers == []


async def test_the_check_page_names_the_node_and_nothing_else(browser, served):
    served.is_started = False
    answer = await browser.get("/check")
    assert answer.status_code == 200
    assert text_of(answer) == "It works It works This device reaches the acknowledge links of node node-a."


async def test_alone_there_is_nothing_else(phone):
    for path in (
        "/",
        "/a",
        "/a/",
        "/a/x/y",
        "/api/v1/status",
        "/healthz",
        "/metrics",
        "/api/openapi.json",
        "/favicon.ico",
    ):
        answer = await phone.get(path)
        assert answer.status_code == 404, path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await phone.post("/api/v1/alarms", json={"text": "x"})).status_code == 404


async def test_the_api_beside_it_still_wants_a_token(served):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.server.tcp_port}") as client:
        assert (await client.get("/api/v1/status")).status_code == 401
        assert (await client.get("/a")).status_code == 401
        assert (await client.get("/healthz")).status_code == 200


async def test_until_the_daemon_has_started_links_ask_to_wait(browser, served, desk):
    served.is_started = False
    path = f"/a/{desk.token(desk.add())}"
    for answer in (await browser.get(path), await browser.post(path, data={"action": "ack"})):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "addispatch is starting" in text_of(answer)
    assert (desk.answers, desk.shown_count) == ([], 0)


async def test_a_full_disk_and_a_bug_are_pages_and_their_log_has_no_token(browser, desk, caplog):
    token = desk.token(desk.add())
    desk.failure = StoreError("the disk is full")
    answer = await browser.post(f"/a/{token}", data={"action": "ack"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "disk" not in answer.text
    desk.failure = ZeroDivisionError("secret detail")
    answer = await browser.get(f"/a/{token}")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text
    assert "the disk is full" in caplog.text
    assert token not in caplog.text


async def test_tokens_are_in_no_log_and_no_metric(browser, served, desk, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").disabled = logging.getLogger("httpcore.http11").disabled = True
    try:
        good = desk.token(desk.add())
        for token in (good, good[:-4] + "AAAA"):
            for answer in (
                await browser.get(f"/a/{token}"),
                await browser.post(f"/a/{token}", data={"action": "ack"}),
                await browser.put(f"/a/{token}"),
                await browser.get(f"/a/{token}/x"),
            ):
                assert answer.status_code in (200, 303, 404, 405)
        assert not [record for record in caplog.records if good[:-4] in record.getMessage()]
        assert good[:-4] not in served.metrics.render().decode()
    finally:
        logging.getLogger("httpx").disabled = logging.getLogger("httpcore.http11").disabled = False


async def test_guessing_is_limited_told_once_and_keeps_nobody_out(phone, served, desk, monkeypatch):
    monkeypatch.setattr("addispatch.http.link_limit.PER_CLIENT_COUNT", 3)
    statuses = [(await phone.get(f"/a/{'x' * 56}")).status_code for _ in range(6)]
    assert statuses == [404] * 3 + [429] * 3
    assert (await phone.post(f"/a/{'x' * 56}", data={"action": "ack"})).headers["retry-after"] == "60"
    assert served.told == ["Many wrong acknowledge links are opened, the last one from 127.0.0.1"]
    path = f"/a/{desk.token(desk.add())}"
    assert (await phone.get(path)).status_code == 200
    assert (await phone.post(path, data={"action": "ack"})).status_code == 303
    monkeypatch.setattr(link_app, "TELL_AGAIN_S", 0.0)
    await phone.get("/a/x")
    assert len(served.told) == 2


async def test_in_a_recall_everybody_acknowledges_for_himself(browser, desk):
    desk.recall = True
    case = desk.add()
    await browser.post(f"/a/{desk.token(case, 'Adam')}", data={"action": "ack", "comment": "10 min"})
    shown = await browser.get(f"/a/{desk.token(case)}")
    assert 'value="ack"' in shown.text, "Adam's does not count for Jane"
    assert "Already" not in shown.text
    assert "Adam 14:02: 10 min" in text_of(shown)
    assert "Thank you, Adam" in text_of(await browser.get(f"/a/{desk.token(case, 'Adam')}"))
