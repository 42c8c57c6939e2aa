from __future__ import annotations

from addispatch import __version__


async def test_the_version(alone):
    assert (await alone("--version")).out == f"addispatch {__version__}\n"


async def test_no_command_shows_what_there_is(alone):
    done = await alone()
    assert "Commands:" in done.out + done.err
    assert done.code == 2
