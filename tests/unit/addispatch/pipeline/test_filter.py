"""The hook for filters: the first reason counts."""

from __future__ import annotations

from pipelines import ADAM, alarm

from addispatch.pipeline.filter import filtered


def test_the_first_reason_counts():
    def none(*_):
        return ""

    def by_channel(_alarm, recipient, channel):
        return f"{recipient.name} not by {channel}"

    def never(*_):
        raise AssertionError("asked although there is a reason")

    assert filtered([], alarm(), ADAM, "sms") == ""
    assert filtered([none], alarm(), ADAM, "sms") == ""
    assert filtered([none, by_channel, never], alarm(), ADAM, "sms") == "Adam not by sms"
