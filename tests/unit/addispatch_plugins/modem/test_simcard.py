"""The SIM's states; that a PIN is entered once for ever is tested with a real gammu in test_actor.py."""

import pytest
from pydantic import SecretStr

from addispatch_plugins.modem.link import SimError
from addispatch_plugins.modem.simcard import SimCard


class Link:
    def __init__(self, *wants, right="1234"):
        self.wants, self.right, self.entered = list(wants), right, []

    async def locked_by(self):
        if isinstance(self.wants[0], Exception):
            raise self.wants[0]
        return self.wants[0]

    async def enter_pin(self, pin):
        self.entered.append(pin)
        if pin != self.right:
            raise SimError("refused")
        self.wants = [""]


@pytest.mark.parametrize(
    ("link", "pin", "state", "words"),
    [
        (Link(""), None, "ready", None),
        (Link("PIN"), "1234", "ready", None),
        (Link("PIN"), None, "wants its PIN", "set pin"),
        (Link("PIN"), "9999", "PIN refused", "not tried again"),
        (Link("PUK"), "1234", "wants its PUK", "unblock it in a phone"),
        (Link("PIN2"), "1234", "wants its PIN2", "wants its PIN2"),
        (Link(SimError("no SIM card")), "1234", "missing", "no SIM card"),
    ],
)
async def test_states(tmp_path, link, pin, state, words):
    sim = SimCard(tmp_path / "refused", SecretStr(pin) if pin else None)
    if words is None:
        await sim.unlock(link)
    else:
        for _ in range(2):
            with pytest.raises(SimError, match=words):
                await sim.unlock(link)
    assert sim.state == state
    assert len(link.entered) <= 1
