from addispatch.domain.errors import ConfigError
from addispatch.host.status import MAX_REASON_CHARS, Record, Status, describe


def test_errors_are_described_in_one_short_line():
    assert describe(ConfigError("a.b", "is wrong", "mend it")) == "a.b: is wrong (mend it)"
    assert describe(ValueError("one\n  two")) == "ValueError: one two"
    assert describe(KeyError()) == "KeyError"
    assert len(describe(ValueError("x" * 1000))) == MAX_REASON_CHARS


def test_a_failure_is_noted_and_shown():
    record = Record("siren", "acme-siren", "1.0")
    assert record.line() == "plugin siren: disabled"
    record.fail(Status.CRASHED, OSError("gone"))
    assert record.line() == "plugin siren: crashed - OSError: gone"
    document = record.document()
    assert (document["status"], document["reason"], document["channels"]) == ("crashed", "OSError: gone", [])
