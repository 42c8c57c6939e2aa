from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def local(running) -> AsyncIterator[httpx.AsyncClient]:
    """A client on the unix socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(running.unix_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://local", timeout=10) as client:
        yield client


@pytest.fixture
async def remote(running) -> AsyncIterator[httpx.AsyncClient]:
    """A client on TCP, without a token."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=10) as client:
        yield client
