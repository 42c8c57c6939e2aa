"""ICMP packets, bit by bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.net.packet import checksum, read_reply, request


def test_the_checksum_of_the_rfc():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071, 3: the sum is ddf2
    assert checksum(b"\x01") == checksum(b"\x01\x00")


def test_a_request_of_each_family():
    data = request(is_v6=False, ident=0x1234, sequence=7, payload=b"secret!!")
    assert (data[0], data[4:8], data[8:]) == (8, b"\x12\x34\x00\x07", b"secret!!")
    assert checksum(data) == 0
    assert request(is_v6=True, ident=1, sequence=2, payload=b"x") == b"\x80\x00\x00\x00\x00\x01\x00\x02x"


def test_a_reply_is_read_with_and_without_its_header():
    reply = b"\x00\x00\x00\x00\x12\x34\x00\x07secret!!"
    assert read_reply(reply, is_v6=False, has_header=False) == (0x1234, 7, b"secret!!")
    assert read_reply(b"\x46" + b"\0" * 23 + reply, is_v6=False, has_header=True) == (0x1234, 7, b"secret!!")
    assert read_reply(b"\x81" + reply[1:], is_v6=True, has_header=True) == (0x1234, 7, b"secret!!")


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x00", b"\x08\x00\x00\x00\x12\x34\x00\x07", b"\x45" + b"\0" * 19 + b"\x03\x01" + b"\0" * 6]
)
def test_what_is_no_reply(data):
    assert read_reply(data, is_v6=False, has_header=False) is None
    assert read_reply(data, is_v6=False, has_header=True) is None


#: Bytes that begin as nothing, as an IPv4 header, as the replies do.
rubbish = st.tuples(st.sampled_from([b"", b"\x45" + b"\0" * 19, b"\0\0", b"\x81\0"]), st.binary(max_size=60)).map(
    b"".join
)


@given(rubbish, st.booleans(), st.booleans())
def test_no_rubbish_fails_and_nothing_is_made_up(data, is_v6, has_header):
    answer = read_reply(data, is_v6=is_v6, has_header=has_header)
    assert answer is None or answer.payload == (data[(data[0] & 15) * 4 :] if has_header and not is_v6 else data)[8:]
