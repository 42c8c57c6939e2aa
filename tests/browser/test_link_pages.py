"""The pages behind acknowledge links in a real browser: on a phone and a desktop, with JavaScript and without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from browser import DESKTOP, MISSING, PHONE, Browser, chromium
from links import LinkDesk, a_case
from starlette.applications import Starlette

from addispatch.http.link_app import LinkApp
from addispatch.http.server import HttpServer, Port
from addispatch.http.stream import Streams

pytestmark = [
    pytest.mark.debian,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.asyncio(loop_scope="module"),
]

#: The longest text an alarm has, in words no line can break.
LONGEST = ("Boiler2/flame_failure/" * 200)[:4000]
SIZES = {"desktop": DESKTOP, "phone": PHONE}


class Pages:
    """A browser in front of the real listener for links."""

    def __init__(self, browser: Browser, desk: LinkDesk, base: str) -> None:
        self.browser, self.desk, self.base = browser, desk, base

    async def open(self, path: str) -> None:
        await self.browser.open(self.base + path)

    async def open_case(self, **changed: object) -> dict[str, object]:
        case = self.desk.add(a_case(**changed))
        await self.open(f"/a/{self.desk.token(case)}")
        return case

    async def fits_the_width(self) -> bool:
        return bool(await self.browser.run("return document.documentElement.scrollWidth <= innerWidth"))

    async def is_in_sight(self, css: str) -> bool:
        """Whether it is wholly inside the window and nothing lies over its middle."""
        return bool(
            await self.browser.run(
                f"const found = document.querySelector({css!r}), box = found.getBoundingClientRect();"
                "const middle = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);"
                "return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth"
                " && middle === found"
            )
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["with JavaScript", "without JavaScript"])
async def browser(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    has_scripts = request.param == "with JavaScript"
    async with chromium(tmp_path_factory.mktemp("browser"), javascript=has_scripts) as found:
        await found.open("data:text/html,<title>off</title><script>document.title='on'</script>")
        assert await found.title() == ("on" if has_scripts else "off")
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def pages(browser: Browser, tmp_path: Path) -> AsyncIterator[Pages]:
    desk, api = LinkDesk(), Starlette()
    api.state.streams = Streams()
    links = LinkApp(desk, node="node-a", zone=ZoneInfo("Asia/Singapore"), is_started=lambda: True)
    port = Port(links, ("127.0.0.1", 0), pytest.fail)
    server = HttpServer(api, tmp_path / "a.sock", None, pytest.fail, port)  # type: ignore[arg-type]
    await server.start()
    try:
        await browser.open("about:blank")
        for what in ("performance", "browser"):  # of what came before nothing counts
            await browser.log(what)
        yield Pages(browser, desk, f"http://127.0.0.1:{port.bound}")
    finally:
        await server.stop()


@pytest.mark.parametrize("size", SIZES)
async def test_seen_pressed_and_loaded_again(pages: Pages, size: str) -> None:
    browser, desk = pages.browser, pages.desk
    await browser.size(*SIZES[size])
    case = await pages.open_case()
    assert "Pump 3 is hot" in await browser.text()
    assert await pages.fits_the_width()
    assert await pages.is_in_sight(".yes")
    assert await pages.is_in_sight(".no")
    assert desk.answers == [], "looking acknowledges nothing"

    await browser.type("#comment", "on my way\ngreetings")
    assert desk.answers == [], "the return key in the comment sends nothing"
    await browser.press(".yes")
    done = [(case["id"], "Jane", "ack", "on my way greetings")]
    assert desk.answers == done
    assert "Acknowledged. Thank you, Jane." in await browser.text()
    assert await pages.fits_the_width()

    await browser.reload()
    assert "Acknowledged. Thank you, Jane." in await browser.text()
    await browser.back()
    await browser.reload()
    assert "Acknowledged. Thank you, Jane." in await browser.text()
    assert desk.answers == done, "neither loading again nor going back repeats anything"

    await browser.type("#comment", "there now")
    await browser.press(".no")
    assert desk.answers[1:] == [(case["id"], "Jane", "comment", "there now")]
    assert "Your comment was noted." in await browser.text()

    asked = await browser.requested()
    assert asked
    assert [url for url in asked if not url.startswith(f"{pages.base}/a/")] == [], "nothing from elsewhere"
    assert await browser.log("browser") == [], "the console has no complaint, the policy fits the page"


@pytest.mark.parametrize("size", SIZES)
async def test_the_longest_text_does_not_push_the_button_away(pages: Pages, size: str) -> None:
    await pages.browser.size(*SIZES[size])
    await pages.open_case(text=LONGEST, last_text=LONGEST + "!", audience=LONGEST[:200], count=1000)
    assert await pages.fits_the_width()
    assert await pages.is_in_sight(".yes")
    await pages.browser.press(".no")
    assert [answer[2] for answer in pages.desk.answers] == ["decline"]
    assert "Noted: you cannot come, Jane." in await pages.browser.text()


async def test_an_old_link_and_the_check_page(pages: Pages) -> None:
    await pages.browser.size(*PHONE)
    case = pages.desk.add()
    await pages.open(f"/a/{pages.desk.token(case, ends_at_s=999)}")
    assert "This link is not valid" in await pages.browser.text()
    assert await pages.browser.all("button") == []
    assert await pages.fits_the_width()
    await pages.open("/check")
    assert "This device reaches the acknowledge links of node node-a." in await pages.browser.text()
    assert await pages.fits_the_width()
    assert pages.desk.answers == []


@pytest.mark.parametrize("browser", ["with JavaScript"], indirect=True)
async def test_light_and_dark_can_be_read(pages: Pages) -> None:
    """Contrast of at least 4.5 to 1 for every text (WCAG 2.2, 1.4.3)."""
    for scheme in ("light", "dark"):
        await pages.browser.scheme(scheme)
        for priority in ("critical", "high", "medium", "low"):
            await pages.open_case(priority=priority, count=3, last_text="hotter")
            weak = await pages.browser.run(CONTRAST)
            assert weak == [], scheme


#: Returns each text of the page whose contrast is too weak, as "text: ratio".
CONTRAST = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const behind = one => { for (; one; one = one.parentElement) {
  const colour = numbers(getComputedStyle(one).backgroundColor);
  if (colour.length < 4 || colour[3] > 0) return colour; } };
const weak = [];
for (const one of document.querySelectorAll("main *")) {
  const pseudo = one.matches("textarea") ? "::placeholder" : null;
  if (!pseudo && ![...one.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
  const pair = [light(numbers(getComputedStyle(one, pseudo).color)), light(behind(one))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio < 4.5) weak.push(`${one.className || one.tagName}: ${ratio.toFixed(2)}`);
}
return weak;
"""
