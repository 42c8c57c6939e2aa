"""Sealed envelopes: what was sealed opens, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.cluster import envelope
from addispatch.cluster.envelope import (
    MAX_BODY_BYTES,
    MAX_UNPACKED_BYTES,
    BadEnvelope,
    Header,
    Reason,
    open_sealed,
    peek,
    seal,
)
from addispatch.cluster.keyring import Keyring, generate

NEW, OLD = generate("new"), generate("old")
RING = Keyring.parse(NEW)
TOPIC = "addispatch/plant/_cl/st/node-b"
HEADER = Header(1, "new", "node-a", "5a" * 16, "b0" * 16, 7, "node-b", "5b" * 16, "b1" * 16, 1795000000.25)


def why(payload, topic=TOPIC, ring=RING):
    with pytest.raises(BadEnvelope) as caught:
        open_sealed(ring, topic, payload)
    return caught.value.reason


def raw(fields, rest=bytes(64)):
    head = fields if isinstance(fields, bytes) else orjson.dumps(fields)
    return len(head).to_bytes(2) + head + rest


def fields(**changes):
    return orjson.loads(orjson.dumps(dict(zip(envelope._NAMES, HEADER, strict=True)))) | changes


@given(st.binary(max_size=3000) | st.binary(max_size=20).map(lambda part: part * 200))
def test_what_was_sealed_opens(body):
    assert open_sealed(RING, TOPIC, seal(RING, TOPIC, HEADER, body)) == (HEADER, body)


def test_each_changed_byte_is_refused():
    payload = seal(RING, TOPIC, HEADER, b'{"entries": [1, 2, 3]}')
    for index in range(len(payload)):
        for flip in (0x01, 0x80):
            changed = bytearray(payload)
            changed[index] ^= flip
            assert why(bytes(changed))


def test_each_cut_and_each_added_byte_is_refused():
    payload = seal(RING, TOPIC, HEADER, b"body")
    assert all(why(payload[:length]) for length in range(len(payload)))
    assert why(payload + b"x") is Reason.SEAL
    assert why(b"x" + payload)


@given(st.binary(max_size=300))
def test_noise_is_refused_without_a_fuss(noise):
    assert why(noise)
    assert why(raw(fields(), noise)) in (Reason.SEAL, Reason.MALFORMED)


def test_it_opens_on_its_own_topic_only():
    payload = seal(RING, TOPIC, HEADER, b"body")
    assert why(payload, TOPIC.replace("/st/", "/sy/")) is Reason.SEAL
    assert why(payload, TOPIC[:-1]) is Reason.SEAL


def test_two_seals_of_the_same_are_different():
    assert seal(RING, TOPIC, HEADER, b"body") != seal(RING, TOPIC, HEADER, b"body")


def test_nothing_of_the_body_can_be_read():
    assert b"+6591234567" not in seal(RING, TOPIC, HEADER, b"+6591234567" * 3)


def test_keys_rotate_without_a_gap():
    both, turned = Keyring.parse(f"{OLD},{NEW}"), Keyring.parse(f"{NEW},{OLD}")
    by_old, by_new = seal(both, TOPIC, HEADER, b"1"), seal(turned, TOPIC, HEADER, b"2")
    assert (peek(by_old).kid, peek(by_new).kid) == ("old", "new")
    for ring in (both, turned):
        assert open_sealed(ring, TOPIC, by_old)[1] == b"1"
        assert open_sealed(ring, TOPIC, by_new)[1] == b"2"
    assert why(by_old) is Reason.KEY
    assert why(seal(Keyring.parse(generate("new")), TOPIC, HEADER, b"")) is Reason.SEAL


def test_peek_reads_the_header_and_proves_nothing():
    payload = seal(RING, TOPIC, HEADER, b"body")
    assert peek(payload) == HEADER
    assert peek(payload[:-1] + b"\0") == HEADER


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (raw(fields(v=2)), Reason.VERSION),
        (raw(fields(v=True)), Reason.MALFORMED),
        (raw(fields(v=1.0)), Reason.MALFORMED),
        (raw(fields(v="1")), Reason.MALFORMED),
        (raw(fields(kid="other")), Reason.KEY),
        (raw(fields(kid="")), Reason.MALFORMED),
        (raw(fields(boot="")), Reason.MALFORMED),
        (raw(fields(store=None)), Reason.MALFORMED),
        (raw(fields(to=["node-b"])), Reason.MALFORMED),
        (raw(fields(tboot="x" * 65)), Reason.MALFORMED),
        (raw(fields(n=-1)), Reason.MALFORMED),
        (raw(fields(n=True)), Reason.MALFORMED),
        (raw(fields(n=1.5)), Reason.MALFORMED),
        (raw(fields(n=2**60)), Reason.MALFORMED),
        (raw(fields(ts="now")), Reason.MALFORMED),
        (raw([1]), Reason.MALFORMED),
        (raw(b"{}"), Reason.MALFORMED),
        (raw(b"\xff\xff"), Reason.MALFORMED),
        (raw(b"[" * 1000), Reason.MALFORMED),
        (raw(orjson.dumps(fields()) + b" " * 1000), Reason.MALFORMED),
        (b"", Reason.MALFORMED),
        (b"\0", Reason.MALFORMED),
        (bytes(70_000), Reason.TOO_LARGE),
    ],
)
def test_headers_that_are_none(payload, reason):
    assert why(payload) is reason


def test_a_field_of_a_later_version_is_passed_over():
    """Sealed by a node one version ahead: more in the header, same meaning."""
    head = orjson.dumps(fields(hops=3))
    prefix = len(head).to_bytes(2) + head
    cipher = envelope._cipher(RING.keys["new"])
    payload = prefix + bytes(12) + cipher.encrypt(bytes(12), b"\0body", TOPIC.encode() + b"\0" + prefix)
    assert open_sealed(RING, TOPIC, payload) == (HEADER, b"body")


def test_limits_hold_when_sealing():
    import os

    noise = os.urandom(MAX_BODY_BYTES)
    assert open_sealed(RING, TOPIC, seal(RING, TOPIC, HEADER, noise))[1] == noise
    for body in (noise + b"x", bytes(MAX_UNPACKED_BYTES + 1)):
        with pytest.raises(BadEnvelope, match="too large"):
            seal(RING, TOPIC, HEADER, body)
    assert open_sealed(RING, TOPIC, seal(RING, TOPIC, HEADER, bytes(MAX_UNPACKED_BYTES)))[1] == bytes(
        MAX_UNPACKED_BYTES
    )


def test_bodies_are_packed_when_that_helps():
    text = b'{"state":"sent","address":"+6591234567"},' * 50
    assert len(seal(RING, TOPIC, HEADER, text)) < len(text) / 2
    short = seal(RING, TOPIC, HEADER, b"x" * 512)
    assert len(short) > 512 + 28


def sealed_by_hand(content):
    prefix = seal(RING, TOPIC, HEADER, b"")[: 2 + len(orjson.dumps(fields()))]
    cipher = envelope._cipher(RING.keys["new"])
    return prefix + bytes(12) + cipher.encrypt(bytes(12), content, TOPIC.encode() + b"\0" + prefix)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\1" + zlib.compress(bytes(MAX_UNPACKED_BYTES + 1)), Reason.TOO_LARGE),
        (b"\1" + zlib.compress(bytes(20_000_000), 1), Reason.TOO_LARGE),
        (b"\1" + zlib.compress(b"x" * 100)[:-1], Reason.MALFORMED),
        (b"\1" + zlib.compress(b"x") + b"more", Reason.MALFORMED),
        (b"\1noise", Reason.MALFORMED),
        (b"\2body", Reason.MALFORMED),
        (b"", Reason.MALFORMED),
    ],
    ids=str,
)
def test_what_does_not_unpack_is_refused(content, reason):
    assert why(sealed_by_hand(content)) is reason


def test_a_node_alone_does_not_load_the_cipher():
    code = "import sys, addispatch.cluster.envelope, addispatch.config; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_link_needs_neither_web_server_nor_database_nor_modem():
    heavy = "{'fastapi', 'sqlalchemy', 'gammu', 'pydantic'}"
    code = f"import sys, addispatch.cluster.link; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
