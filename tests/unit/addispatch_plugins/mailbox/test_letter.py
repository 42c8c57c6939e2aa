"""read_letter: the corpus of mails, each with its outcome; what is too large; what is no mail."""

import runpy
import time

import pytest
from mails import EXPECTED, FOLDER, OLDER_TOKEN, TOKEN, raw_mail

from addispatch_plugins.mailbox.letter import MAX_SUBJECT_CHARS, MAX_TEXT_CHARS, read_letter

PERSONS = sorted(name for name, outcome in EXPECTED.items() if "text" in outcome)
MACHINES = sorted(name for name, outcome in EXPECTED.items() if "automatic" in outcome)


def test_the_corpus_is_whole():
    assert sorted(path.stem for path in FOLDER.glob("*.eml")) == sorted(EXPECTED)
    assert len(PERSONS) > 60
    assert len(MACHINES) > 30


@pytest.mark.parametrize("name", PERSONS)
def test_a_person_wrote(name):
    letter = read_letter(raw_mail(name))
    assert letter.automatic == ""
    assert letter.text == EXPECTED[name]["text"]
    assert len(letter.tokens) == EXPECTED[name]["tokens"]
    assert letter.sender == "adam@example.com"


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_wrote(name):
    assert read_letter(raw_mail(name)).automatic.startswith(EXPECTED[name]["automatic"])


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_line_ends_make_no_difference(name):
    raw = raw_mail(name)
    assert read_letter(raw.replace(b"\r\n", b"\n")) == read_letter(raw)


HEAD = b"From: a@example.com\r\nSubject: x\r\n"
NONSENSE = {
    "comments": b"From: " + b"(" * 60_000 + b"a@b\r\n\r\n",
    "nested comments": b"From: " + b"(" * 8000 + b")" * 8000 + b"a@b\r\n\r\n",
    "quotes": b"From: " + b'"\\' * 30_000 + b"\r\n\r\n",
    "addresses": b"From: " + b"<a@b>" * 12_000 + b"\r\n\r\n",
    "words": HEAD + b"Subject: " + b"=?utf-8?q?" * 6000 + b"\r\n\r\n",
    "more words": HEAD + b"References: " + b"=?utf-8?q?=41?= " * 6000 + b"\r\n\r\n",
    "tokens": HEAD + b"References: " + b"<ack." * 13_000 + b"\r\n\r\n",
    "parameters": HEAD + b"Content-Type: multipart/mixed" + b'; a="\\' * 12_000 + b"\r\n\r\nx",
    "fields": HEAD + b"a:b\r\n" * 26_000 + b"\r\nx",
    "folding": HEAD + b"X: " + b"\r\n \r\n" * 30_000 + b"\r\n\r\nx",
    "subject": HEAD.replace(b"x", b"out of " * 15_000) + b"\r\nx",
    "boundaries": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 120_000,
    "almost boundaries": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n--b " * 120_000,
    "depth": HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(18_000)
    ),
    "lines": HEAD + b"\r\n" + b"\r\n" * 500_000,
    "colons": HEAD + b"\r\n" + b"On 2025 wrote: a@b:\r\n" * 12_000,
    "almost attributions": HEAD + b"\r\n" + b"On 3 Nov 2025 10:00 a@b wrote\r\n" * 8000,
    "colon lines": HEAD + b"\r\n" + (b"x y" * 40 + b":\r\n") * 8000,
    "labels": HEAD + b"\r\n" + b"From: x\r\n" * 28_000,
    "long lines": HEAD + b"\r\n" + (b"sent from my " * 40 + b"\r\n") * 2000,
    "one line": HEAD + b"\r\n" + b"A" * 1_000_000,
    "quoted": HEAD + b"\r\n" + b"> a\r\nb\r\n" * 28_000,
    "dashes": HEAD + b"\r\n" + b"- " * 130_000,
    "flowed": HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 60_000,
    "base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"====" * 250_000,
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 1_000_000,
    "tags": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<a " * 330_000,
    "blockquotes": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<blockquote>" * 80_000,
    "smaller": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 1_000_000,
    "styles": HEAD + b"Content-Type: text/html\r\n\r\n" + b'<p style="' + b"display: " * 400 + b'">' * 200,
    "idna": HEAD + b"Content-Type: text/plain; charset=idna\r\n\r\n" + b"xn--a." * 40_000,
    "calendar": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: text/calendar\r\n\r\nMETHO\r\n" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_takes_little_time(name):
    began_s = time.process_time()
    letter = read_letter(NONSENSE[name][:1_048_576])
    # Half a second would still be no harm in a thread; what grows with the square takes minutes.
    assert time.process_time() - began_s < 2
    assert len(letter.text) <= MAX_TEXT_CHARS


def test_what_is_not_whole_acknowledges_nothing():
    raw = raw_mail("mutt")
    cut = raw[: raw.index(b"way") + 2]
    assert read_letter(cut, is_whole=False).automatic == "too large to be read whole"
    assert read_letter(cut).automatic == ""
    # The text ended before the cut.
    photo = raw_mail("apple_photo_attached")
    cut = photo[: photo.index(b"/9j/") + 3]
    letter = read_letter(cut, is_whole=False)
    assert (letter.text, letter.automatic, letter.tokens) == ("A123 on my way", "", (TOKEN,))
    # No text came that far: there may be one behind it.
    cut = photo[: photo.index(b"--Apple")]
    assert read_letter(cut, is_whole=False).automatic == "too large to be read whole"
    header = raw[: raw.index(b"Date:") + 2]
    assert read_letter(header, is_whole=False).automatic == "unreadable"


def test_the_nearest_token_is_first():
    assert read_letter(raw_mail("two_tokens")).tokens == (TOKEN, OLDER_TOKEN)


def test_texts_and_subjects_have_an_end():
    letter = read_letter(HEAD.replace(b"x", b"x" * 9000) + b"\r\n" + b"word\r\n" * 1900)
    assert len(letter.text) == MAX_TEXT_CHARS
    assert len(letter.subject) == MAX_SUBJECT_CHARS


def test_the_corpus_on_the_disk_is_the_one_its_program_writes(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    written = runpy.run_path(str(FOLDER / "generate.py"))
    assert written["table"]() == (FOLDER / "expected.toml").read_text()
    assert {path.stem: path.read_bytes() for path in FOLDER.glob("*.eml")} == {
        name: raw for name, (raw, _expected) in written["MAILS"].items()
    }
