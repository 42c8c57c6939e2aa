"""Mail addresses: nothing that could end a command gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.smtp.address import to_wire


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("adam@example.com", b"adam@example.com"),
        (" a.b+tag@sub.example.com ", b"a.b+tag@sub.example.com"),
        ("root@localhost", b"root@localhost"),
        ("ops@[192.0.2.1]", b"ops@[192.0.2.1]"),
        ("ops@bücher.example", b"ops@xn--bcher-kva.example"),
    ],
)
def test_takes_addresses(address, wire):
    assert to_wire(address) == wire


@pytest.mark.parametrize(
    "address",
    ["", "adam", "@example.com", "adam@", "a b@example.com", "adam@example..com", "adam@-x.com", "ädam@example.com",
     "a@example.com>\r\nRCPT TO:<b@example.com", "a\r\n@example.com", "a@exa mple.com", '"a b"@example.com', "a" * 65 + "@x.y",
     ".a@example.com", "a@" + "x" * 64 + "ü." * 60],
)  # fmt: skip
def test_refuses_others_with_the_address_in_the_reason(address):
    with pytest.raises(ValueError, match="no mail address"):
        to_wire(address)


@given(st.text(), st.text())
def test_what_gets_through_is_printable_ascii_without_brackets(local, domain):
    try:
        wire = to_wire(f"{local}@{domain}")
    except ValueError:
        return
    assert all(33 <= byte < 127 for byte in wire)
    assert b"<" not in wire
    assert b">" not in wire
