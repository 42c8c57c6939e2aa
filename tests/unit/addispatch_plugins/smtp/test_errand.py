"""Errand: what leaves for a mail, and that it ends once."""

from __future__ import annotations

import pytest

from addispatch_plugins.smtp.errand import Dropped, Errand, Rejected
from addispatch_plugins.smtp.reply import Reply


@pytest.fixture
async def errand():
    return Errand(b"a@example.com", b"b@example.com", b"a\r\n.\r\n..b\r\n", 0)


async def test_what_leaves(errand):
    assert errand.commands == [b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<b@example.com>\r\n", b"DATA\r\n"]
    assert errand.envelope == b"".join(errand.commands)
    assert errand.content == b"a\r\n..\r\n...b\r\n.\r\n"


async def test_it_ends_once(errand):
    errand.end()
    errand.end(Dropped("too late"))
    assert errand.is_over
    assert await errand.done is True


async def test_who_gave_up_hears_no_more(errand):
    errand.done.cancel()
    errand.end()
    errand.end(Dropped("too late"))
    assert errand.done.cancelled()


async def test_a_refusal_names_the_command(errand):
    errand.end(Rejected("RCPT", Reply(550, b"550 no such user")))
    with pytest.raises(Rejected, match="RCPT was answered 550 no such user"):
        await errand.done
