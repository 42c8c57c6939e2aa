"""Exempt keywords: what counts as a recovery, and the many ways to say that there is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.exempt import MAX_TEXT_CHARS, exempt_keyword
from addispatch.store.directory_models import PolicyEntry

DEFAULT = PolicyEntry(name="default").exempt_keywords
NORMAL, RECOVERED, RETURN, BACK = "normal", "recovered", "return to normal", "back to normal"


def test_the_default_keywords_are_those_these_tables_are_about() -> None:
    assert set(DEFAULT) == {NORMAL, RECOVERED, RETURN, BACK}


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("Tank 3 level return to normal", RETURN), ("RETURN TO NORMAL", RETURN), ("Temp back to normal", BACK), ("Boiler 1: Back To Normal.", BACK),
        ("Pump 3 recovered", RECOVERED), ("RECOVERED: Pump 3", RECOVERED), ("[Recovered] Disk full", RECOVERED), ("pressure normal", NORMAL), ("NORMAL", NORMAL),
        ("Level returned to normal (3.2 m)", NORMAL), ("back  to\n normal", BACK), ("back\u00a0to\u00a0normal", BACK), ("BACK_TO_NORMAL", BACK), ("return-to-normal", RETURN),
        ("LT301 LEVEL NORMAL 4.2 m", NORMAL), ("LT301_LEVEL_NORMAL", NORMAL), ("LT301.NORMAL", NORMAL), ("Tank3-normal", NORMAL), ('State "normal"', NORMAL),
        ("state=normal", NORMAL), ("state = NORMAL", NORMAL), ("State: Normal!", NORMAL), ("ＮＯＲＭＡＬ", NORMAL), ("nor\u00admal", NORMAL), ("✅ recovered", RECOVERED),
        # Transitions into it.
        ("High -> Normal", NORMAL), ("HIGH => NORMAL", NORMAL), ("Alarm → Normal", NORMAL), ("changed from HIGH to NORMAL", NORMAL), ("Alarm>>Normal", NORMAL),
        # What came before, in another clause.
        ("Pump failed: recovered", RECOVERED), ("Comm failure recovered", RECOVERED), ("Pump failed back to normal", BACK), ("No flow: normal", NORMAL),
        ("No flow - returned to normal", NORMAL), ("Door not closed; normal", NORMAL), ("Temp above 80.5 C: back to normal", BACK), ("High limit exceeded, recovered", RECOVERED),
        ("Level above limit returned to normal", NORMAL), ("Not ready. Recovered.", RECOVERED), ("power lost, normal again", NORMAL),
        # A number is no negation.
        ("Pump No 3 returned to normal", NORMAL), ("Pump no. 3 recovered", RECOVERED), ("No.3 normal", NORMAL), ("pump No:3 normal", NORMAL),
        # What only looks like a negation.
        ("Notice: normal", NORMAL), ("North tank normal", NORMAL), ("Line AB normal", NORMAL), ("Nonstop pump recovered", RECOVERED), ("Union tank normal", NORMAL),
        # Behind it.
        ("normal, no action needed", NORMAL), ("Normal. Do not reply.", NORMAL), ("normal: 4.2 bar", NORMAL), ("recovered from alarm at 12:30", RECOVERED), ("normal = 1", NORMAL),
    ],
)  # fmt: skip
def test_a_recovery(text: str, keyword: str) -> None:
    assert exempt_keyword(text, DEFAULT) == keyword


@pytest.mark.parametrize(
    "text",
    [
        # No keyword as a whole word.
        "", "Pump hot", "normally open valve stuck", "normalised", "recovery failed", "normalise", "RTNnormal", "Normal1", "recovereds", "norma l",
        "NORMAL_POS_1 fault", "normal-mode noise", "normalé",
        # Part of another word.
        "ABNORMAL", "Abnormal vibration", "abnormally hot", "ab-normal", "AB-NORMAL", "unrecovered", "un-recovered", "non-normal", "nonnormal", "subnormal", "sub-normal",
        "NotNormal", "not-normal", "NOT_NORMAL", "PressureNotNormal is set", "anormal", "no-normal", "off-normal", "OFF-NORMAL", "off normal",
        # Before it.
        "not normal", "NOT NORMAL", "Not recovered", "level below normal", "level above normal", "LEVEL BELOW THE NORMAL RANGE", "above its normal range", "under normal",
        "over normal", "outside normal range", "outside of the normal range", "out of normal", "exceeds normal", "higher than normal", "lower than the normal level",
        "deviates from normal", "changed from normal to high", "loss of normal supply", "lost normal power", "beyond normal", "hardly normal", "almost back to normal",
        "nearly normal", "no return to normal", "no longer normal", "no more normal", "never recovered", "isn't normal", "isn’t normal", "isn´t normal", "ISN'T NORMAL",
        "isnt normal", "hasn't recovered", "has not yet recovered", "has not yet fully recovered", "not yet back to normal", "not quite back to normal",
        "did not return to normal", "does not come back to normal", "cannot return to normal", "can't return to normal", "could not be returned to normal",
        "failed to return to normal", "Tank 3 fails to return to normal", "unable to return to normal", "has yet to return to normal", "waiting to return to normal",
        "without return to normal", "neither recovered", "none recovered", "not all of the pumps recovered", "no pump recovered", "nothing back to normal",
        "evacuate until back to normal", "call 123 if recovered", "pending return to normal", "pump NOT in normal operation", "not (yet) normal", 'not "normal"',
        "not\nnormal", "is not at 4.5 bar normal", "not yet at 12:30 normal",
        # Signs.
        "!normal", "!NORMAL", "~normal", "¬normal", "<> normal", "!= normal", "≠ normal", "level > normal", "level < normal", "level >= normal", "level >normal",
        # Behind it.
        "normal -> high", "Normal→Alarm", "NORMAL => TRIP", "normal > high", "normal to alarm", "Normal?", "back to normal ?", "normal: no", "Return to normal: FALSE",
        "normal = 0", "normal=off", "Recovered: not", "normal range exceeded", "Normal limits violated", "normal supply failed", "normal power lost", "back to normal not confirmed",
        "normal operation interrupted", "recovered not",
        # One that is voided outweighs any other.
        "Tank 1 normal, tank 2 not normal", "Tank 1 not normal, tank 2 normal", "recovered but pressure below normal", "Abnormal vibration: returned to normal",
        "Back to normal: FALSE, recovered", "normal normal normal abnormal",
        # Other languages in which the word is written alike.
        "nicht normal", "Druck nicht mehr normal", "noch nicht normal", "unnormal", "pas normal", "niveau non normal", "nivel no normal", "não normal", "non è normal",
        "ikke normal", "inte normal", "unormal", "onormal", "tidak normal", "belum normal", "bukan normal", "normal değil", "normal nicht erreicht", "außerhalb normal",
    ],
)  # fmt: skip
def test_an_alarm(text: str) -> None:
    assert exempt_keyword(text, DEFAULT) == ""


@pytest.mark.parametrize(
    ("text", "keywords", "keyword"),
    [
        ("Druck wieder normal", ["wieder normal"], "wieder normal"), ("Störung behoben", ["BEHOBEN"], "BEHOBEN"), ("Störung nicht behoben", ["behoben"], ""),
        ("STÖRUNG BEHOBEN, Straße frei", ["STRASSE FREI"], "STRASSE FREI"), ("Retour à la normale", ["retour à la normale"], "retour à la normale"),
        ("Pas de retour à la normale", ["retour à la normale"], ""), ("Авария устранена", ["устранена"], "устранена"), ("Авария не устранена", ["устранена"], ""),
        ("Давление ненормально", ["нормально"], ""), ("давление нормально", ["нормально"], "нормально"), ("压力已恢复正常。", ["恢复正常"], "恢复正常"), ("压力未恢复正常", ["恢复正常"], ""),
        ("压力不正常", ["正常"], ""), ("压力正常", ["正常"], "正常"), ("无法恢复正常", ["恢复正常"], ""), ("尚未恢复", ["恢复"], ""), ("圧力が復旧しました", ["復旧"], "復旧"),
        ("圧力は正常ではない", ["正常"], ""), ("復旧していません", ["復旧"], ""), ("復旧せず", ["復旧"], ""), ("ความดันปกติ", ["ปกติ"], "ปกติ"), ("ความดันไม่ปกติ", ["ปกติ"], ""),
        ("ความดันผิดปกติ", ["ปกติ"], ""), ("압력 정상", ["정상"], "정상"), ("압력 비정상", ["정상"], ""), ("압력 정상 아님", ["정상"], ""), ("दबाव सामान्य", ["सामान्य"], "सामान्य"),
        ("दबाव सामान्य नहीं है", ["सामान्य"], ""), ("الضغط طبيعي", ["طبيعي"], "طبيعي"), ("الضغط غير طبيعي", ["طبيعي"], ""), ("Áp suất bình thường", ["bình thường"], "bình thường"),
        ("Áp suất không bình thường", ["bình thường"], ""), ("Nivel no recuperado", ["recuperado"], ""), ("C++ ok", ["c++"], "c++"), ("a.c ok", ["a.b", "a+c"], ""),
        # The first in the list that exempts; blank ones never do.
        ("recovered and normal", ["normal", "recovered"], "normal"), ("recovered", ["ok", "Recovered", "recovered"], "Recovered"), ("anything", [], ""),
        ("anything", ["", " ", "\u200b"], ""), ("abnormal but ok", ["ok", "normal"], ""), ("abnormal but ok", ["ok"], "ok"),
    ],
)  # fmt: skip
def test_keywords_of_ones_own(text: str, keywords: list[str], keyword: str) -> None:
    assert exempt_keyword(text, keywords) == keyword


def test_a_text_too_long_to_be_an_alarm_is_never_exempt() -> None:
    text = "normal ".ljust(MAX_TEXT_CHARS)
    assert exempt_keyword(text, DEFAULT) == NORMAL
    assert exempt_keyword(text + " ", DEFAULT) == ""


@pytest.mark.parametrize(
    "text",
    [
        "normal " * 571,
        "x" * 4000,
        "normal" * 666,
        "a-" * 2000,
        "\u0301" * 4000,
        "\ufdfa" * 4000,
        " " * 3990 + "normal",
        "back to " * 500,
        "normal" + " " * 3990,
    ],
)
def test_the_longest_text_takes_a_moment(text: str) -> None:
    keywords = [*DEFAULT, *(f"normal {n}" for n in range(46))]
    began_s = time.process_time()
    exempt_keyword(text, keywords)
    assert time.process_time() - began_s < 1.0


# -- laws ----------------------------------------------------------------------------------------------------------

texts = st.text(max_size=60) | st.lists(
    st.sampled_from(["normal", "Not", "below", "recovered", "back to", "pump", " ", " ", ",", "-", "->", "ab", "no", "3", ":", "\n", "!", "不", "\u0301"]), max_size=10
).map("".join)  # fmt: skip


@given(texts, st.lists(st.text(max_size=8), max_size=4))
def test_any_text_and_keywords_have_an_answer(text: str, keywords: list[str]) -> None:
    assert exempt_keyword(text, keywords) in {"", *keywords}
    assert exempt_keyword(text, DEFAULT) in {"", *DEFAULT}


@given(texts)
def test_case_changes_nothing(text: str) -> None:
    assert exempt_keyword(text.upper(), DEFAULT) == exempt_keyword(text.lower(), DEFAULT)


@given(
    texts,
    st.sampled_from(["ABNORMAL", "not normal", "below normal", "never recovered", "normal -> high"]),
    st.booleans(),
)
def test_one_voided_keyword_makes_any_text_an_alarm(text: str, voided: str, first: bool) -> None:
    whole = f"{voided}; {text}" if first else f"{text}; {voided}"
    assert exempt_keyword(whole, DEFAULT) == ""


@given(texts)
def test_more_keywords_never_turn_a_voided_text_into_a_recovery(text: str) -> None:
    if exempt_keyword(text, ["normal"]) == "" and exempt_keyword(f"{text}; normal", ["normal"]) == "":
        assert exempt_keyword(text, DEFAULT) == ""
