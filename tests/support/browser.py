"""A real Chromium, driven over the W3C WebDriver protocol by plain HTTP: Debian's chromium and chromedriver."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
#: Why browser tests cannot run here, or "".
MISSING = "" if CHROMIUM and DRIVER else "needs Debian's packages chromium and chromium-driver"
#: How long a page may take on a machine that is busy with other things, in seconds.
PATIENCE_S = 60.0

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, 11
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
DESKTOP, PHONE = (1280, 800), (375, 667)


class Browser:
    """One session with an empty profile. ``log`` has what was requested and what the console said."""

    def __init__(self, driver: httpx.AsyncClient, session: str) -> None:
        self._driver, self._session = driver, session

    async def _ask(self, method: str, path: str, **body: Any) -> Any:
        answer = await self._driver.request(
            method, f"/session/{self._session}{path}", json=body if method == "POST" else None
        )
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    async def cdp(self, cmd: str, **params: Any) -> Any:
        """A command of Chromium's own protocol."""
        return await self._ask("POST", "/goog/cdp/execute", cmd=cmd, params=params)

    async def size(self, width: int, height: int) -> None:
        mobile = width < 600
        await self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, mobile=mobile, deviceScaleFactor=2 if mobile else 1,
        )  # fmt: skip

    async def scheme(self, name: str) -> None:
        """light or dark."""
        await self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    async def open(self, url: str) -> None:
        await self._ask("POST", "/url", url=url)

    async def reload(self) -> None:
        await self._ask("POST", "/refresh")

    async def back(self) -> None:
        await self._ask("POST", "/back")

    async def url(self) -> str:
        return str(await self._ask("GET", "/url"))

    async def title(self) -> str:
        return str(await self._ask("GET", "/title"))

    async def find(self, css: str) -> str:
        found = await self._ask("POST", "/element", using="css selector", value=css)
        return str(found[_ELEMENT])

    async def all(self, css: str) -> list[str]:
        found = await self._ask("POST", "/elements", using="css selector", value=css)
        return [one[_ELEMENT] for one in found]

    async def text(self, css: str = "body") -> str:
        return str(await self._ask("GET", f"/element/{await self.find(css)}/text"))

    async def press(self, css: str) -> None:
        """Click, and wait for the page it leads to: until the old one is gone; the driver itself waits for the new one."""
        old = await self.find("html")
        await self._ask("POST", f"/element/{await self.find(css)}/click")
        async with asyncio.timeout(PATIENCE_S):
            while (await self._driver.get(f"/session/{self._session}/element/{old}/name")).status_code == 200:
                await asyncio.sleep(0.01)

    async def type(self, css: str, text: str) -> None:
        await self._ask("POST", f"/element/{await self.find(css)}/value", text=text)

    async def run(self, script: str) -> Any:
        return await self._ask("POST", "/execute/sync", script=script, args=[])

    async def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(await self._ask("GET", "/screenshot")))

    async def log(self, kind: str) -> list[dict[str, Any]]:
        """What came since the last call: "browser" (the console) or "performance" (the protocol's events)."""
        return list(await self._ask("POST", "/se/log", type=kind))

    async def requested(self) -> list[str]:
        """The addresses asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in await self.log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@contextlib.asynccontextmanager
async def chromium(folder: Path, *, javascript: bool = True) -> AsyncIterator[Browser]:
    """Start a driver and a browser of its own in ``folder``; both end with the block."""
    assert not MISSING, MISSING
    process = await asyncio.create_subprocess_exec(
        DRIVER, "--port=0", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        env=os.environ | {"HOME": str(folder)},  # its crash database goes there, whatever the profile
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while not (found := re.search(rb"successfully on port (\d+)", await process.stdout.readline())):
                assert not process.stdout.at_eof(), "chromedriver ended at once"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{int(found[1])}", timeout=PATIENCE_S) as driver:
            options = {
                "binary": CHROMIUM,
                "args": [*_QUIET, f"--user-data-dir={folder / 'profile'}"],
                "prefs": {} if javascript else {"profile.managed_default_content_settings.javascript": 2},
            }
            wanted = {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            }
            answer = await driver.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
            assert answer.status_code == 200, answer.text
            session = answer.json()["value"]["sessionId"]
            try:
                yield Browser(driver, session)
            finally:  # ends the browser, too
                await driver.delete(f"/session/{session}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
