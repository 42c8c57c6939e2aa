"""read_letter: the corpus of mails, each with its outcome; what is too large; what is no mail."""

import pytest
from mails import EXPECTED, FOLDER, OLDER_TOKEN, TOKEN, raw_mail

from addispatch_plugins.mailbox.letter import MAX_TEXT_CHARS, read_letter

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
