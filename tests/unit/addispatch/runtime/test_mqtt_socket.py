"""The buffered socket over a socket pair."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.runtime.mqtt_socket import BufferedSocket, Published


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield BufferedSocket(ours), theirs
    ours.close()
    theirs.close()


def test_reads_from_memory_what_came_in_one_piece(pair):
    wire, theirs = pair
    theirs.send(b"\xd0\x04abcd")
    assert wire.recv(1) == b"\xd0"
    assert wire.pending() == 5
    assert wire.recv(3) == b"\x04ab"
    assert wire.recv(100) == b"cd"
    assert wire.pending() == 0
    with pytest.raises(BlockingIOError):
        wire.recv(1)


def test_end_of_stream_is_an_empty_read(pair):
    wire, theirs = pair
    theirs.send(b"\xd0\x00")
    theirs.close()
    assert wire.recv(9) == b"\xd0\x00"
    assert wire.recv(9) == b""


def test_a_paused_socket_keeps_what_it_read(pair):
    wire, theirs = pair
    theirs.send(b"\xd0\x01c")
    assert wire.recv(1) == b"\xd0"
    wire.paused = True
    with pytest.raises(BlockingIOError):
        wire.recv(1)
    wire.paused = False
    assert wire.recv(2) == b"\x01c"


def test_writes_leave_together_with_flush(pair):
    wire, theirs = pair
    assert wire.send(b"one") == 3
    assert wire.send(b"two") == 3
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(10)
    assert wire.flush()
    assert theirs.recv(10) == b"onetwo"
    assert wire.unsent == 0


def test_a_full_line_keeps_the_rest_for_the_next_flush(pair):
    wire, theirs = pair
    data = bytes(range(256)) * 8192
    wire.send(data)
    assert not wire.flush()
    got = bytearray()
    while len(got) < len(data):
        got += theirs.recv(1 << 20)
        wire.flush()
    assert bytes(got) == data


def test_close_sends_what_is_left(pair):
    wire, theirs = pair
    wire.send(b"bye")
    wire.close()
    assert theirs.recv(10) == b"bye"


def test_abort_ends_the_line_for_both(pair):
    wire, theirs = pair
    theirs.send(b"not read any more")
    wire.recv(1)
    wire.paused = True
    wire.abort()
    while wire.recv(100):
        pass
    assert theirs.recv(1) == b""


@given(pieces=st.lists(st.binary(min_size=1, max_size=50), max_size=20), sizes=st.lists(st.integers(1, 40), min_size=1))
def test_bytes_come_out_as_they_went_in(pieces, sizes):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        wire = BufferedSocket(ours)
        sent = b"".join(bytes([0xD0, len(piece)]) + piece for piece in pieces)
        theirs.send(sent)
        theirs.shutdown(socket.SHUT_WR)
        got, turn = b"", 0
        while data := wire.recv(sizes[turn % len(sizes)]):
            got, turn = got + data, turn + 1
        assert got == sent


def varint(number):
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (128 if number else 0))
        if not number:
            return bytes(out)


def packet(published, version):
    topic, payload, qos, retain, mid = published
    body = len(topic).to_bytes(2) + topic + (mid.to_bytes(2) if qos else b"")
    body += (varint(3) + b"\x23\x00\x01" if version == 5 else b"") + payload
    return bytes([0x30 | qos << 1 | retain]) + varint(len(body)) + body


def as_paho(wire):
    """Read one packet as paho does: byte by byte, then the body."""
    first, length, shift = wire.recv(1), 0, 0
    while True:
        byte = wire.recv(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    body = b""
    while len(body) < length:
        body += wire.recv(length - len(body))
    return first + body


publishes = st.builds(
    lambda topic, payload, qos, retain, mid: Published(topic, payload, qos, retain, mid if qos else 0),
    st.binary(max_size=20), st.binary(max_size=40) | st.just(b"x" * 300) | st.just(b"y" * 70_000),
    st.integers(0, 1), st.booleans(), st.integers(1, 65535),
)  # fmt: skip
others = st.sampled_from(
    [b"\xd0\x00", b"\x90\x03\x00\x01\x01", b"\x34\x05\x00\x01a\x00\x07"]
)  # PINGRESP, SUBACK, QoS 2


@given(st.lists(publishes | others, max_size=8), st.sampled_from([4, 5]), st.data())
def test_publishes_are_taken_and_the_rest_is_left_to_paho_however_the_stream_is_cut(items, version, data):
    stream = b"".join(packet(item, version) if isinstance(item, Published) else item for item in items)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        wire = BufferedSocket(ours)
        got = []
        while stream or wire.pending():
            size = data.draw(st.integers(1, 100_000))
            theirs.send(stream[:size])
            stream = stream[size:]
            try:
                while True:
                    taken = wire.take_publish(version)
                    if taken is None and not whole(wire):
                        break
                    got.append(taken or as_paho(wire))
            except BlockingIOError:
                continue
        large = {packet(item, version)[0:1] + packet(item, version)[4:]: item for item in items
                 if isinstance(item, Published) and len(item.payload) == 70_000}  # fmt: skip
        assert [large.get(item, item) if isinstance(item, bytes) else item for item in got] == [
            item[:1] + item[2:] if isinstance(item, bytes) else item for item in items
        ]


def whole(wire):
    """Whether all of the next packet is there; paho itself can stop in the middle, ``as_paho`` cannot."""
    header = wire._header()
    if header is None:
        return False
    while wire.pending() < header[0] + header[1]:
        wire._fill()
    return True


@given(st.binary(max_size=200), st.sampled_from([4, 5]))
def test_garbage_is_never_a_message_longer_than_itself(raw, version):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        wire = BufferedSocket(ours)
        theirs.send(raw)
        theirs.shutdown(socket.SHUT_WR)
        taken = wire.take_publish(version)
        if taken is not None:
            assert len(taken.topic) + len(taken.payload) <= len(raw)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x05ab", b"\x00\x01a", b"\x00\x01a\x00"])
def test_a_malformed_publish_is_left_to_paho(pair, body):
    wire, theirs = pair
    theirs.send(bytes([0x32, len(body)]) + body + packet(Published(b"t", b"next", 1, False, 1), 4))
    assert wire.take_publish(4) is None
    assert as_paho(wire) == b"\x32" + body
