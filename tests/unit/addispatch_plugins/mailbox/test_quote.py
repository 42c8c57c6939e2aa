"""new_text: what the corpus of mails does not show, and what must never be taken for the writer's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.mailbox.quote import new_text

OURS = "A123 Pump 3: pressure high\n\nACK: Reply A123 + msg"
ATTRIBUTIONS = [
    "On Mon, 3 Nov 2025 at 10:00, Plant <plant@example.com> wrote:",
    "Am 03.11.25 um 10:00 schrieb Plant:",
    "Plant <plant@example.com> ezt írta (időpont: 2025. nov. 3., H, 10:00):",
    "ma 3. marrask. 2025 klo 10.00 Plant (plant@example.com) kirjoitti:",
    "Den man. 3. nov. 2025 kl. 10.00 skrev Plant <plant@example.com>:",
    "Vào Th 2, 3 thg 11, 2025 lúc 10:00 Plant <plant@example.com> đã viết:",
    "ในวันที่ จ. 3 พ.ย. 2025 เวลา 10:00 Plant <plant@example.com> เขียนว่า:",
    "في الاثنين، ٣ نوفمبر ٢٠٢٥ كتب Plant <plant@example.com>:",
    "Στις Δευ 3 Νοε 2025 στις 10:00, ο χρήστης Plant <plant@example.com> έγραψε:",
    "xx 3 yyy 2025 10:00 Plant <plant@example.com>:",
    "________________________________",
    "-----Original Message-----",
    "---------- Forwarded message ---------",
    "From: Plant <plant@example.com>\nSent: Monday",
    "*From:* Plant <plant@example.com>\n*Date:* Monday",
    "Von: Plant\nGesendet: Montag",
    "差出人: Plant\n日時: 2025",
    "Xyz: Plant <plant@example.com>\nÄbc: Montag\nÜvw: Adam",
    "Begin forwarded message:",
    "--",
    "-- ",
    "Sent from my iPhone",
    "Gesendet von Outlook für Android",
    "发自我的iPhone",
    "iPhoneから送信",
    "Best regards,",
    "Mit freundlichen Grüßen",
]


@pytest.mark.parametrize("line", ATTRIBUTIONS)
def test_what_is_unmarked_and_below_is_not_his(line):
    assert new_text(f"on my way\n\n{line}\n\n{OURS}").text == "on my way"
    assert new_text(f"{line}\n{OURS}").text == ""


@pytest.mark.parametrize("mark", ["> ", ">", ">>> ", "| ", " > ", "AB> ", "＞ "])
def test_marks(mark):
    quoted = "\n".join(mark + line for line in OURS.splitlines())
    assert new_text(f"{quoted}\n\nno A123\n{mark}x").text == "no A123"
    assert new_text(quoted).text == ""


def test_the_rest_of_a_broken_line_is_not_his():
    broken = "> Pump 3: pressure high, look at the display in the control room, code is\nA123 on the door\nand more"
    assert new_text(f"ok\n{broken}\n> end").text == "ok"
    assert new_text(f"{broken}\n\nWhere?").text == "Where?"


def test_a_line_that_is_in_the_quote_is_not_his():
    assert new_text("> A123 Pump 3\n\nA123  pump 3.\nyes").text == "yes"


def test_our_footnote_without_a_mark_leaves_nothing():
    assert new_text(f"hello\n\n{OURS}").text == ""
    assert new_text(f"> x\n\n{OURS}").text == ""


@pytest.mark.parametrize(
    "text",
    [
        "A123 on my way", "A123, B200\nETA 10:30", "no A123 - ask Jane, she wrote the manual", "From here it takes 20 minutes",
        "Am unterwegs", "ok\n\nI called Bob at 10:00: he knows", "1. A123\n2. B200", "On it", "A123 siehe Plan: Seite 3",
        "Le technicien arrive", "Date: tomorrow",
    ],
)  # fmt: skip
def test_what_people_write_is_kept(text):
    assert new_text(text).text == text
    assert new_text(f"{text}\n\nOn Mon, 3 Nov 2025, Plant <p@example.com> wrote:\n> A123 Pump 3").text == text


def test_flowed_lines_are_one():
    assert new_text("A123 on \nmy way\n-- \nAdam", is_flowed=True).text == "A123 on my way"
    assert new_text("A123 on \nmy way").text == "A123 on\nmy way"


def test_is_marked_tells_how_quotes_were_found():
    assert new_text("> x\n\nyes").is_marked
    assert not new_text("yes\n\n-- \nx").is_marked


@given(st.text(alphabet=st.sampled_from(list("ab1@:> -\nAwrote._<")), max_size=200))
def test_nothing_is_made_up(text):
    result = new_text(text).text
    for line in filter(None, (line.strip() for line in result.split("\n"))):
        assert line in text


@given(
    st.lists(
        st.sampled_from(
            ["> A123 x", "> y", "", "> ACK: Reply A123 + msg", *(a.partition("\n")[0] for a in ATTRIBUTIONS)]
        )
    )
)
def test_from_quotes_alone_comes_no_code(lines):
    assert "A123" not in new_text("\n".join(lines)).text
