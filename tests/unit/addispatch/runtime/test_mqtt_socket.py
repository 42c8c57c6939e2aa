"""The buffered socket over a socket pair."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.runtime.mqtt_socket import BufferedSocket


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield BufferedSocket(ours), theirs
    ours.close()
    theirs.close()


def test_reads_from_memory_what_came_in_one_piece(pair):
    wire, theirs = pair
    theirs.send(b"abcdef")
    assert wire.recv(1) == b"a"
    assert wire.pending() == 5
    assert wire.recv(3) == b"bcd"
    assert wire.recv(100) == b"ef"
    assert wire.pending() == 0
    with pytest.raises(BlockingIOError):
        wire.recv(1)


def test_end_of_stream_is_an_empty_read(pair):
    wire, theirs = pair
    theirs.send(b"x")
    theirs.close()
    assert wire.recv(9) == b"x"
    assert wire.recv(9) == b""


def test_a_paused_socket_keeps_what_it_read(pair):
    wire, theirs = pair
    theirs.send(b"abc")
    assert wire.recv(1) == b"a"
    wire.paused = True
    with pytest.raises(BlockingIOError):
        wire.recv(1)
    wire.paused = False
    assert wire.recv(2) == b"bc"


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
        for piece in pieces:
            theirs.send(piece)
        theirs.shutdown(socket.SHUT_WR)
        got, turn = b"", 0
        while data := wire.recv(sizes[turn % len(sizes)]):
            got, turn = got + data, turn + 1
        assert got == b"".join(pieces)
