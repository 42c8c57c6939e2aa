"""The same with nothing scripted: the modem plugin and gammu on a serial port, the smtp plugin and a mail server."""

from __future__ import annotations

import pytest
from pipelines import until
from staging import DIRECTORY, Story

from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.mailsink import MailSink

pytestmark = [pytest.mark.debian, pytest.mark.slow]

LADDER = DIRECTORY.replace(
    'email = ["adam@plant.example"]', 'email = ["adam@plant.example"]\nchannels = ["sms", "email"]\nmode = "ladder"'
)
MORE = """
[[plugin.modem.modem]]
name = "sim1"
port = "{port}"
poll_s = 1
[plugin.smtp.primary]
host = "127.0.0.1"
port = {smtp}
security = "none"
sender = "addispatch@plant.example"
"""


async def test_a_number_the_network_refuses_is_reached_by_mail_and_the_reply_of_another_arrives(tmp_path):
    network = Network()
    modem = SimulatedModem(network, number="+6590000001")
    adam, jane = network.phone("+6591234567", "Adam"), network.phone("+6581234567", "Jane")
    await modem.start()
    try:
        async with MailSink() as mailbox:
            more = MORE.format(port=modem.port, smtp=mailbox.port)
            async with Story(tmp_path, directory=LADDER, more=more, staged=False) as story:
                await until(lambda: story.node.host.channels()["sms"].health.up, 30)
                modem.fault("error_after_pdu", code=1)  # the first to be written to is Adam: there is no such number
                await story.plant.raises("98.4 °C")
                mail = await mailbox.expect("98.4")
                assert mail.recipients == ("adam@plant.example",)
                await jane.expect("boiler: 98.4 C")
                assert adam.received == []
                await story.sees("FAILED: there is no such number (CMS 1)")
                await jane.reply("on my way")
                await story.sees(f"sms from {jane.number}: on my way")
    finally:
        await modem.stop()
