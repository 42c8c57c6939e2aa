"""The shipped mosquitto.conf: mosquitto takes it, and it keeps what it confirmed through kill -9."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from addispatch.sdk.testing.mosquitto import Mosquitto

pytestmark = pytest.mark.debian

CONF = Path(__file__).parents[4] / "config" / "mosquitto.conf"


@pytest.fixture
async def broker(tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "jane", "secret"], check=True)
    text = re.sub(r"(?m)^(listener|allow_anonymous) .*$", "", CONF.read_text())
    text = text.replace("/etc/mosquitto/addispatch.passwd", str(passwords))
    async with Mosquitto(tmp_path, *text.splitlines(), f"persistence_location {tmp_path}/", anonymous=False) as running:
        yield running


def test_lets_nobody_in_without_a_password():
    lines = [line for line in CONF.read_text().splitlines() if line and not line.startswith("#")]
    assert "allow_anonymous false" in lines
    assert len({line.split()[0] for line in lines}) == len(lines)


async def test_anonymous_clients_are_refused(broker):
    with pytest.raises(RuntimeError, match="not authori"):
        await broker.publish("x", "y")


async def test_retained_and_waiting_messages_survive_kill_9(broker):
    login = ("-u", "jane", "-P", "secret")
    session = ("-i", "plc-reader", "-c", *login)
    subscriber = await asyncio.create_subprocess_exec(
        "mosquitto_sub", "-p", str(broker.port), "-q", "1", "-t", "x", *session, "-E"
    )
    await subscriber.wait()  # it subscribed and left: the broker keeps the session
    await broker.publish("state", "kept", "--retain", *login)
    await broker.publish("x", "waiting", *login)
    await asyncio.sleep(0.1)
    await broker.kill()
    await broker.start()
    assert await broker.wait_for("state", *login) == b"kept"
    assert await broker.wait_for("x", *session) == b"waiting"
