"""Addresses of brokers, and that paho is set up as meant."""

import pytest

from addispatch.domain.errors import ConfigError
from addispatch.runtime.mqtt_client import BrokerAddress, MqttSettings, make_client


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://plc.example", BrokerAddress("plc.example", 1883)),
        ("mqtt://10.0.0.1:2000/", BrokerAddress("10.0.0.1", 2000)),
        ("mqtts://h", BrokerAddress("h", 8883, tls=True)),
        ("mqtt://jane:p%40ss%3A@h", BrokerAddress("h", 1883, False, "jane", "p@ss:")),
        ("mqtt://[::1]:99", BrokerAddress("::1", 99)),
    ],
)
def test_urls(url, address):
    assert BrokerAddress.parse(url) == address


@pytest.mark.parametrize("url", ["", "h:1883", "http://h", "mqtt://", "mqtt://h:x", "mqtt://h:70000", "mqtt://h:0",
                                 "mqtt://h/topic", "mqtt://h?x=1", "mqtt://[::1"])  # fmt: skip
def test_what_is_no_url(url):
    with pytest.raises(ConfigError, match="url: "):
        BrokerAddress.parse(url)


def test_no_password_is_shown():
    address = BrokerAddress.parse("mqtt://jane:secret@h:1")
    assert str(address) == "h:1"
    assert "secret" not in repr(address)
    with pytest.raises(ConfigError) as caught:
        BrokerAddress.parse("ftp://jane:secret@h:1")
    assert "secret" not in str(caught.value)


def test_version_5_bounds_what_the_broker_sends_and_keeps_the_session():
    client = make_client(
        MqttSettings(address=BrokerAddress("h", 1), client_id="x", version=5, clean=False)
    )  # fmt: skip
    assert client._connect_properties.ReceiveMaximum == 1000
    assert client._connect_properties.SessionExpiryInterval == 14 * 86_400
    assert client._clean_start is False


def test_version_4_keeps_the_session_by_its_flag():
    client = make_client(MqttSettings(address=BrokerAddress("h", 1), client_id="x", clean=False))
    assert client._clean_session is False
    assert client._connect_properties is None
