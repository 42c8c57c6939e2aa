"""The grammar of replies: tables that read like its manual, and laws that hold for any text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addispatch.domain.codes import new_code
from addispatch.domain.reply import MAX_CODES_COUNT, MAX_COMMENT_CHARS, MAX_READ_CHARS, Reply, ReplyKind, parse_reply

ACK, DECLINE, ALL = ReplyKind.ACK, ReplyKind.DECLINE, ReplyKind.ALL
BARE_ACK, BARE_DECLINE, OTHER = ReplyKind.BARE_ACK, ReplyKind.BARE_DECLINE, ReplyKind.OTHER
OURS = "Pump hot ACK: Reply B456 + msg"


def check(text: str, kind: ReplyKind, codes: str = "", comment: str = "") -> None:
    assert parse_reply(text) == Reply(kind, tuple(codes.split()), comment)


@pytest.mark.parametrize(
    ("text", "codes", "comment"),
    [
        # As the footnote asks for it.
        ("A123", "A123", ""), ("A123 on my way", "A123", "on my way"), ("A123 + on my way", "A123", "on my way"),
        ("a123", "A123", ""), ("a123 ON MY WAY", "A123", "ON MY WAY"), ("A123.", "A123", ""), ("A123!", "A123", ""),
        ("  A123  ok  ", "A123", "ok"), ("A123\n", "A123", ""), ("A123\r\n", "A123", ""), ("\n\nA123", "A123", ""),
        ("A123\x00", "A123", ""), ("A123\ton my way", "A123", "on my way"),
        # Signs between code and comment are not part of the comment; what belongs to it stays.
        ("A123: on my way", "A123", "on my way"), ("A123, on my way", "A123", "on my way"), ("A123 - 10 min", "A123", "10 min"),
        ("A123 — 10 min", "A123", "10 min"), ("A123.On my way", "A123", "On my way"), ("A123...coming", "A123", "coming"),
        ("A123,5 minutes", "A123", "5 minutes"), ("A123;fixed", "A123", "fixed"), ("A123:-ok", "A123", "ok"), ("A123 -5 C now", "A123", "-5 C now"),
        ("A123 +65 9123 4567 call me", "A123", "+65 9123 4567 call me"), ("A123 :)", "A123", ":)"), ("A123 ;-)", "A123", ";-)"),
        ("A123 (Jane)", "A123", "(Jane)"), ('A123 "all good" he says', "A123", '"all good" he says'),
        # Emoji.
        ("A123 👍", "A123", "👍"), ("A123👍", "A123", "👍"), ("A123🏃‍♂️ coming", "A123", "🏃‍♂️ coming"), ("A1️⃣2️⃣3️⃣", "A123", ""),
        # A word before the code, with what people put between them.
        ("ack A123", "A123", ""), ("ACK A123 coming", "A123", "coming"), ("ok A123", "A123", ""), ("Ok, A123", "A123", ""),
        ("OK: A123 on it", "A123", "on it"), ("ok. A123", "A123", ""), ("okay A123", "A123", ""), ("OK - A123", "A123", ""),
        ("acknowledge A123", "A123", ""), ("Acknowledged A123 Jane", "A123", "Jane"), ("ack:A123", "A123", ""), ("ok (A123)", "A123", ""),
        ("ack\nA123", "A123", ""), ("ok #A123", "A123", ""), ("A123 ok", "A123", "ok"), ("A123 ack", "A123", "ack"), ("A123 all", "A123", "all"),
        # Several codes.
        ("A123 B456", "A123 B456", ""), ("A123,B456", "A123 B456", ""), ("A123, B456; C789 both of us", "A123 B456 C789", "both of us"),
        ("A123 B456, on my way", "A123 B456", "on my way"), ("ok A123,B456", "A123 B456", ""), ("A123 a123 A123", "A123", ""),
        ("B456 A123 B456", "B456 A123", ""), ("A123 ,, B456", "A123 B456", ""), ("A123،B456", "A123 B456", ""), ("A123，B456；C789", "A123 B456 C789", ""),
        ("A123, B456, thanks", "A123 B456", "thanks"), ("A123\nB456", "A123 B456", ""), ("A123\r\nB456\r\nboth", "A123 B456", "both"),
        ("A123,\nB456 coming", "A123 B456", "coming"), ("A123 \n\n B456, C789 \n", "A123 B456 C789", ""),
        # Longer codes.
        ("A1234", "A1234", ""), ("AB1234 ok", "AB1234", "ok"), ("zz99999", "ZZ99999", ""), ("A12345", "A12345", ""), ("AB123", "AB123", ""),
        # O for 0, in both cases; N and a real zero.
        ("A1O3", "A103", ""), ("a1o3", "A103", ""), ("AO12", "A012", ""), ("AOO1 ok", "A001", "ok"), ("A12O B4O6", "A120 B406", ""), ("N012", "N012", ""),
        # Digits and letters of other scripts and full width; blanks and marks that phones add.
        ("A١٢٣", "A123", ""), ("A١٢٣ في الطريق", "A123", "في الطريق"), ("a۱۲۳ در راه", "A123", "در راه"), ("A१२३ आ रहा हूँ", "A123", "आ रहा हूँ"),
        ("A๑๒๓ กำลังไป", "A123", "กำลังไป"), ("Ａ１２３　了解", "A123", "了解"), ("ａ１２３、行きます", "A123", "行きます"), ("A123、B456了解", "A123 B456", "了解"), ("A123马上到", "A123", "马上到"), ("A123กำลังไป", "A123", "กำลังไป"), ("A123，马上到", "A123", "马上到"),
        ("A123 еду", "A123", "еду"), ("A123 đang đến", "A123", "đang đến"), ("A123 나가는 중", "A123", "나가는 중"), ("A123 στο δρόμο", "A123", "στο δρόμο"),
        ("\u200eA123\u200f ok", "A123", "ok"), ("\ufeffA123", "A123", ""), ("\u202bA١٢٣\u202c نعم", "A123", "نعم"), ("A\u200b1\u200b2\u200b3", "A123", ""),
        ("\u00a0A123\u00a0ok", "A123", "ok"), ("A123\u2028ok", "A123", "ok"), ("A123\u3000ok", "A123", "ok"), ("\u2066A123\u2069", "A123", ""),
        # Quotes, bullets, brackets, the subject of an answer.
        ('"A123"', "A123", ""), ("“A123” on my way", "A123", "on my way"), ("'A123' ok", "A123", "ok"), ("«A123» ok", "A123", "ok"),
        ("• A123", "A123", ""), ("- A123 ok", "A123", "ok"), ("* A123", "A123", ""), ("*A123* ok", "A123", "ok"), ("(A123) ok", "A123", "ok"),
        ("[A123] ok", "A123", "ok"), ("{A123}", "A123", ""), ("#A123", "A123", ""), ("Re: A123 ok", "A123", "ok"), ("RE:A123", "A123", ""),
        ("re: Re: A123", "A123", ""), ("RE[2]: A123", "A123", ""), ("AW: A123 komme", "A123", "komme"), ("回复：A123", "A123", ""), ("Re: ok A123", "A123", ""),
        # Only the leading list counts: what is quoted, signed or told is comment.
        ("A123 and B456", "A123", "and B456"), ("A123 not B456", "A123", "not B456"), ("A123: B456 is me, too", "A123", "B456 is me, too"),
        ("A123/ B456", "A123", "/ B456"), ("A123 B45 C789", "A123", "B45 C789"), ("A123 - B456", "A123", "B456"), ("A123. B456", "A123", "B456"),
        (f"A123 ok\n> {OURS}", "A123", f"ok\n> {OURS}"), (f"A123\n{OURS}", "A123", OURS), ("A123\n> B456", "A123", "> B456"),
        ("A123 ok\n-- \nJane\nM1234", "A123", "ok\n-- \nJane\nM1234"), ("A123\nP101 tripped", "A123", "P101 tripped"),
        ("A123, B456?", "A123", "B456?"), ("A123 B456-A", "A123", "B456-A"), ("A123 ok?", "A123", "ok?"), ("A123 Sent from my phone", "A123", "Sent from my phone"),
        # "no" and "busy" inside a comment.
        ("A123 nobody else needed", "A123", "nobody else needed"), ("A123 coming, no problem", "A123", "coming, no problem"), ("A123 not now", "A123", "not now"),
    ],
)  # fmt: skip
def test_acknowledges(text: str, codes: str, comment: str) -> None:
    check(text, ACK, codes, comment)


@pytest.mark.parametrize(
    ("text", "codes", "comment"),
    [
        ("NO A123", "A123", ""), ("no a123 on leave", "A123", "on leave"), ("No, A123", "A123", ""), ("BUSY A123", "A123", ""),
        ("Busy A123, B456 later", "A123 B456", "later"), ("busy: A123", "A123", ""), ("no A123 ok?", "A123", "ok?"), ("NO A١٢٣", "A123", ""),
        # The word behind the code says the same.
        ("A123 no", "A123", ""), ("A123 NO!", "A123", ""), ("A123: no, I am abroad", "A123", "I am abroad"), ("A123 busy", "A123", ""),
        ("A123 busy now", "A123", "now"), ("A123, B456 busy - call Jane", "A123 B456", "call Jane"), ("A123\nno", "A123", ""),
    ],
)  # fmt: skip
def test_declines(text: str, codes: str, comment: str) -> None:
    check(text, DECLINE, codes, comment)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("ok", ""), ("OK!", ""), ("ok.", ""), ("Ok...", ""), ("ack", ""), ("ACK", ""), ("okay", ""), ("acknowledge", ""), ("Acknowledged.", ""),
        ("ok on my way", "on my way"), ("ok, on my way", "on my way"), ("OK\non my way", "on my way"), ("ok 10 min", "10 min"), ("ok 👍", "👍"), ("ok👍", "👍"),
        ('"ok"', ""), ("ＯＫ", ""), ("Re: ok", ""), ("\u200fok في الطريق", "في الطريق"), ("ack: coming", "coming"), ("ok ok", "ok"),
        # Not ALL: "all" belongs to the sentence.
        ("ok all good here", "all good here"), ("ok, all good", "all good"), ("ack all coming", "all coming"), ("ok all-in", "all-in"), ("ok allright", "allright"),
    ],
)  # fmt: skip
def test_bare_acknowledgement(text: str, comment: str) -> None:
    check(text, BARE_ACK, "", comment)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("no", ""), ("No.", ""), ("NO!!!", ""), ("no, I am abroad", "I am abroad"), ("No - abroad", "abroad"), ("no\nabroad", "abroad"), ("NO 👎", "👎"),
        ("busy", ""), ("Busy now", "now"), ("BUSY, call Jane", "call Jane"), ("busy all day", "all day"), ("no: busy", "busy"),
    ],
)  # fmt: skip
def test_bare_decline(text: str, comment: str) -> None:
    check(text, BARE_DECLINE, "", comment)


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("ALL", ""), ("all", ""), ("All.", ""), ("ALL!", ""), ('"all"', ""), ("Re: ALL", ""), ("ack all", ""), ("ACK ALL!", ""), ("ok all", ""), ("ok, all.", ""),
        ("okay all", ""), ("ack all, coming", "coming"), ("ok all: on my way", "on my way"), ("ack all - 10 min", "10 min"), ("ok all\ncoming", "coming"),
    ],
)  # fmt: skip
def test_all(text: str, comment: str) -> None:
    check(text, ALL, "", comment)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n", "\x00", "👍", "...", "?", "Re:", "-", "\ud83d", "yes", "On my way", "thanks",
        # Something before the code: a greeting, a question, a quotation, our own text.
        "Hi A123", "hello, A123", "Dear Sir, A123", "I ack A123", "please ack A123", "Reply A123 + msg", OURS, f"> {OURS}", "> A123 ok", "| A123",
        "ACK: Reply B456 + msg", "Jane: A123", "Fwd: A123", "yes A123", "👍 A123", "👎 A123", "@A123", "№ A123", "1. A123", "the code is A123", "Liked “A123 hot”",
        # Longer than a code, tied to something, or a question.
        "A123456", "ABC123", "A12", "A1", "A", "123", "A123B456", "A123on my way", "A123_B456", "A123-4", "A123/2", "A123.5", "P101-A tripped", "P101/102",
        "A123's pump", "A123@plant", "A123&B456", "A123+B456", "A123=ok", "A123²", "A12①", "A123™", "A123\u0301", "Á123", "A123é", "A123?", "A123 ?", "A123؟", "A123？",
        # Letters that codes never have, blanks inside, letters that only look alike (Cyrillic), no digit at all.
        "I123", "O123", "AI123", "OA123", "A 123", "A-123", "1A23", "А123", "nooo", "Nooo!", "booo", "AOOO", "no123", "NO1234", "A12I", "A12l",
        # A word that is no word of ours, tied to something, or asking.
        "okey", "k", "acked", "ack'd", "ok?", "OK ??", "ack?", "ok-ish", "ok/no", "no-go", "NO?", "busy?", "ok2go", "ok_", "oké", "OK吗", "noted", "nothing", "business as usual",
        # A bare word with a code behind: which one is meant? One asks back.
        "ok for B456", "ok I took B456", "ok, but not B456", f"ok\n> {OURS}", f"OK\n{OURS}", "ok ok A123", "ok no A123", "ack all A123", "no this is not B456",
        "busy with B456", "ok\nP101 is hot", "all A123", "ok on my way to P101", "ok 我去B456吧", "ok _B456_",
        # For and against at once.
        "ok no", "ok, no", "ok busy", "ack A123 no", "ok A123 busy",
        # A sentence that begins with no.
        "no problem", "No problem, on my way", "no alarm here", "no idea", "no one is here", "A123 no problem", "A123 no power here",
        # "all" in a sentence, as a salutation, asking.
        "all good here?", "ALL GOOD HERE", "all good", "All on my way", "All, come to the control room", "All: meeting at 5", "ALL?", "all ok", "all\ncome here",
        "ALL 👎", "no all", "alle", "all-clear", "allright",
    ],
)  # fmt: skip
def test_anything_else_is_never_an_acknowledgement(text: str) -> None:
    reply = parse_reply(text)
    assert (reply.kind, reply.codes) == (OTHER, ())


def test_of_another_text_all_is_comment() -> None:
    assert parse_reply("  Who is B456?\r\n\x07Jane\x00 ") == Reply(OTHER, (), "Who is B456?\n Jane")


def test_twenty_codes_count_and_people_see_the_rest() -> None:
    codes = [f"A{n}" for n in range(100, 125)]
    reply = parse_reply(" ".join(["ok", *codes, "A100", "coming"]))
    assert reply == Reply(ACK, tuple(codes[:MAX_CODES_COUNT]), "A120 A121 A122 A123 A124 A100 coming")
    assert parse_reply(" ".join([*codes[:20], *codes[:20], "ok"])) == Reply(ACK, tuple(codes[:20]), "ok")


def test_a_comment_is_cut() -> None:
    assert parse_reply("A123 " + "x" * 1000).comment == "x" * MAX_COMMENT_CHARS
    assert parse_reply("hello " * 1000).comment == ("hello " * 1000)[:MAX_COMMENT_CHARS].strip()


def test_a_comment_can_be_stored() -> None:
    comment = parse_reply("A123 a\x00b\ud800c\u202ed \udfffe\x1b[31m").comment
    assert comment == "a b cd  e [31m"
    comment.encode()


@pytest.mark.parametrize(
    ("head", "piece", "tail"),
    [
        ("A123", "\n", "x"), ("", "A123 ", ""), ("A123", "\nB456", " x"), ("", '"', ""), ("", "\u200b", "A123"), ("", "A", ""), ("", "AOOOO", ""), ("ok", " \n", "x"),
        ("", "re:", ""), ("A123", ":-", "("), ("", "ب", ""), ("NO", " ", "x"), ("", "A123,", "?"), ("ok ", "O", "0"),
    ],
)  # fmt: skip
def test_ten_million_characters_take_no_longer_than_a_long_sms(head: str, piece: str, tail: str) -> None:
    text = head + piece * (10**7 // len(piece)) + tail
    began_s = time.process_time()
    parse_reply(text)
    assert time.process_time() - began_s < 0.1


@pytest.mark.parametrize("pad", ["\n", "\u200b", " \u200f"])
def test_a_code_that_touches_the_end_of_what_is_read_does_not_count(pad: str) -> None:
    """It may be the half of A1234."""
    text = pad * MAX_READ_CHARS
    assert parse_reply(text[: MAX_READ_CHARS - 4] + "A1234").kind is OTHER
    assert parse_reply(text[: MAX_READ_CHARS - 6] + "A1234 ok") == Reply(ACK, ("A1234",), "")


# -- laws ----------------------------------------------------------------------------------------------------------

anything = st.text(max_size=60)
#: Texts that nearly are replies: the pieces that matter, in any order.
pieces = st.sampled_from(
    [
        "A123", "b456", "ZZ99999", "A1O3", "A١٢٣", "A12", "A123456", "P101-A", "ok", "ACK", "okay", "no", "Busy", "all", "ALL", "Re:", "hello", "on my way", "on",
        " ", " ", " ", ",", ";", ":", ".", "-", "!", "?", "\n", "> ", '"', "(", ")", "\u200e", "\u00a0", "👍", "é", "\u0301", "x", "O", "0", "+", "/", "_", "٣",
    ]
)  # fmt: skip
nearly = st.lists(pieces, max_size=12).map("".join)
either = anything | nearly
codes = st.builds(
    lambda source, taken: new_code(source.randrange, lambda code: len(code) < taken),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 5, 6, 7]),
)
words = st.from_regex(r"[a-z]{3,9}", fullmatch=True).filter(
    lambda word: not re.match(r"(ack|ok|okay|acknowledged?|no|busy|all|antw)$", word)
)


@given(either)
@example("A123\ud800")
def test_whatever_comes_there_is_a_reply_within_the_limits(text: str) -> None:
    kind, found, comment = parse_reply(text)
    assert bool(found) == (kind in {ACK, DECLINE})
    assert len(found) == len(set(found)) <= MAX_CODES_COUNT
    assert all(re.fullmatch(r"[A-HJ-NP-Z]{1,2}[0-9]{3,5}", code) for code in found)
    assert comment == comment.strip()
    assert len(comment) <= MAX_COMMENT_CHARS
    comment.encode()


@given(
    either,
    st.sampled_from(["", " ", "\n", "\r\n\t", "\u00a0", "\u3000", "\u200f"]),
    st.sampled_from(["", " ", "\n \n", "\u2003"]),
)
def test_case_and_blanks_around_change_nothing(text: str, before: str, after: str) -> None:
    plain = parse_reply(text)
    for same in (text.upper(), text.lower(), text.swapcase(), before + text + after):
        assert parse_reply(same)[:2] == plain[:2]


@given(
    st.lists(codes, min_size=1, max_size=25),
    st.sampled_from([" ", ",", "; ", " , "]),
    st.sampled_from(["", "ok ", "ACK: ", "no "]),
    st.lists(words, max_size=6),
)
def test_the_leading_list_is_taken_whole_and_the_words_behind_are_the_comment(
    listed: list[str], gap: str, word: str, comment: list[str]
) -> None:
    distinct = list(dict.fromkeys(listed))
    reply = parse_reply(word + gap.join(listed) + " " + " ".join(comment))
    assert reply.kind is (DECLINE if word == "no " else ACK)
    assert list(reply.codes) == distinct[:MAX_CODES_COUNT]
    if len(distinct) <= MAX_CODES_COUNT:
        assert reply.comment == " ".join(comment)[:MAX_COMMENT_CHARS].strip()


@given(words, either)
def test_a_text_that_begins_with_another_word_is_other(word: str, rest: str) -> None:
    assert parse_reply(f"{word} {rest}").kind is OTHER


@given(codes, words, either, codes)
def test_a_code_behind_the_first_other_word_never_counts(first: str, word: str, between: str, later: str) -> None:
    assert parse_reply(f"{first} {word} {between} {later}").codes == (first,)
    assert parse_reply(f"ok {word} {between} {later}").kind is OTHER


@given(codes, st.characters(max_codepoint=0x7FF, categories=["L", "N", "M"]))
def test_a_code_is_never_a_part_of_a_longer_word(code: str, char: str) -> None:
    """Nor of a longer code: A1234 is itself or nothing, but never A123."""
    assert code not in parse_reply(code + char).codes
    assert code not in parse_reply(char + code).codes


@given(codes, st.sampled_from("٠۰०০๐０𝟎"))
def test_digits_of_any_script_count(code: str, zero: str) -> None:
    written = "".join(chr(ord(zero) + int(char)) if char.isdigit() else char for char in code)
    assert parse_reply(written + " ok") == Reply(ACK, (code,), "ok")
