"""Answers in all kinds of charsets and encodings, wrong ones too. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import WAY, plain, reply

reply("latin1_declared_utf8", plain("A123 fünf Minuten\n".encode("latin-1"), "utf-8", "8bit"), "A123 fünf Minuten")
reply(
    "utf8_declared_latin1", plain("A123 fünf Minuten\n".encode(), "iso-8859-1", "quoted-printable"), "A123 fünf Minuten"
)
reply("windows_1252", plain("A123 – I’m on my way\n", "windows-1252", "quoted-printable"), "A123 – I’m on my way")
reply("no_charset", b"\n" + WAY.encode() + b"\n")
reply("charset_unknown", plain(f"{WAY}\n", "ascii", declared="x-klingon"))
reply("iso_2022_jp", plain("A123 向かいます\n", "iso-2022-jp"), "A123 向かいます")
reply("utf_16", plain("A123 unterwegs\n", "utf-16", "base64"), "A123 unterwegs")
reply("base64_broken", plain(f"{WAY}\n", encoding="base64").rstrip(b"=\n") + b"\n!! --\n")
reply("no_break_spaces", plain("A123\u00a0on my\u200b way\n", encoding="quoted-printable"))
