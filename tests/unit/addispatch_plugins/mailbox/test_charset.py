"""decode: declared right, declared wrong, no charset at all."""

import codecs
import encodings.aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.mailbox.charset import decode


@pytest.mark.parametrize(
    ("raw", "declared", "text"),
    [
        ("fünf".encode(), "utf-8", "fünf"),
        ("fünf".encode(), "iso-8859-1", "fünf"),
        ("fünf".encode(), "", "fünf"),
        ("fünf".encode("latin-1"), "utf-8", "fünf"),
        ("fünf".encode("latin-1"), "us-ascii", "fünf"),
        ("fünf – €".encode("cp1252"), "iso-8859-1", "fünf – €"),
        ("马上到".encode("gbk"), "gb2312", "马上到"),
        ("联通".encode("gb2312"), "GB2312", "联通"),
        ("馬上".encode("big5"), "big5", "馬上"),
        ("向かいます".encode("iso-2022-jp"), "ISO-2022-JP", "向かいます"),
        ("向かいます".encode("cp932"), "shift_jis", "向かいます"),
        ("갑니다".encode("cp949"), "ks_c_5601-1987", "갑니다"),
        ("еду".encode("koi8-r"), "koi8-r", "еду"),
        ("еду".encode("cp1251"), '"windows-1251"', "еду"),
        (b"a", "x-klingon", "a"),
        (b"a", "hex", "a"),
        (b"a", "unicode_escape", "a"),
        (b"\\x41", "unicode_escape", "\\x41"),
        (b"a", "\0", "a"),
        (b"\xff\xfe\x00", "utf-8", "ÿþ\x00"),
    ],
)
def test_decode(raw, declared, text):
    assert decode(raw, declared) == text


@given(
    st.binary(max_size=50),
    st.sampled_from(sorted({*encodings.aliases.aliases, "utf-7", "zlib", "rot13", "idna", "undefined", "", "x" * 40})),
)
def test_never_raises(raw, declared):
    assert isinstance(decode(raw, declared), str)


def test_all_names_that_are_meant_exist():
    from addispatch_plugins.mailbox.charset import _ALIASES, _MEANT

    for name in (*_MEANT.values(), *_ALIASES.values()):
        codecs.lookup(name)
    assert all(codecs.lookup(name).name == name for name in _MEANT)
