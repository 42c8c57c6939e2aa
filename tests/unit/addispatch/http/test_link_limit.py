from __future__ import annotations

import pytest

from addispatch.http import link_limit
from addispatch.http.link_limit import WrongTokens, client_of


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_client_has_sixty_a_minute(clock):
    wrong = WrongTokens(clock)
    assert [wrong.add("192.0.2.1") for _ in range(61)] == [False] * 60 + [True]
    assert wrong.add("192.0.2.2") is False
    clock.now_s += 59.9
    assert wrong.add("192.0.2.1") is True
    clock.now_s += 0.1
    assert wrong.add("192.0.2.1") is False


def test_all_together_have_six_hundred(clock):
    wrong = WrongTokens(clock)
    found = [wrong.add(f"192.0.{n // 250}.{n % 250}") for n in range(601)]
    assert found == [False] * 600 + [True]
    clock.now_s += 60
    assert wrong.add("192.0.2.1") is False


def test_the_table_is_bounded(clock, monkeypatch):
    monkeypatch.setattr(link_limit, "MAX_CLIENTS", 10)
    monkeypatch.setattr(link_limit, "OVERALL_COUNT", 10**9)
    wrong = WrongTokens(clock)
    for n in range(1_000):
        wrong.add(f"10.0.{n // 250}.{n % 250}")
    assert len(wrong._counts) == 10


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a phone", ""),
    ],
)
def test_who_an_address_stands_for(address, client):
    assert client_of(address) == client
