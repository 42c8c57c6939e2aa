"""SMS text: alphabet, folding, and segments that phones put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.text import (
    GSM7_BASIC,
    GSM7_EXTENDED,
    cut_to_segments,
    fold_to_gsm7,
    is_gsm7,
    segment_count,
    septet_count,
    split_segments,
)

gsm7 = st.text(st.sampled_from(sorted(GSM7_BASIC | GSM7_EXTENDED)), max_size=700)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
either = gsm7 | anything


def test_the_alphabet_is_that_of_3gpp_ts_23_038() -> None:
    """127 characters and the escape in the basic table; ten in the extension table."""
    assert len(GSM7_BASIC) == 127
    assert len(GSM7_EXTENDED) == 10
    assert not GSM7_BASIC & GSM7_EXTENDED
    assert is_gsm7("Pump 3 > 80 % @ Zürich Ñ €")
    assert not is_gsm7("ç")
    assert not is_gsm7("`")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("“Pump” – it’s 25 °C…", '"Pump" - it\'s 25 C...'), ("77 °F", "77 F"), ("a\u00a0b", "a b"), ("u\u0308ber", "über"), ("x ≤ 3 → y", "x <= 3 -> y"),
        ("plain", "plain"), ("“Насос”", "“Насос”"), ("30°", "30°"), ("“é” 温度", "“é” 温度"), ("", ""),
    ],
)  # fmt: skip
def test_folding(text: str, folded: str) -> None:
    assert fold_to_gsm7(text) == folded


@given(either)
def test_folding_gives_the_alphabet_or_nothing(text: str) -> None:
    folded = fold_to_gsm7(text)
    assert folded == text or is_gsm7(folded)
    assert fold_to_gsm7(folded) == folded
    assert segment_count(folded) <= segment_count(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("€" * 152, 2), ("€" * 153, 3),
        ("ü" * 160, 1), ("ž" * 70, 1), ("ž" * 71, 2), ("ž" * 134, 2), ("ž" * 135, 3), ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3),
        ("a" * 159 + "€", 2), ("a" * 69 + "ž", 1), ("a" * 70 + "ž", 2),
    ],
)  # fmt: skip
def test_segment_counts(text: str, count: int) -> None:
    assert segment_count(text) == count


@given(either)
def test_segments_fit_and_make_the_text(text: str) -> None:
    segments = split_segments(text)
    assert "".join(segments) == text
    assert len(segments) == segment_count(text)
    for segment in segments:
        assert segment or not text
        if is_gsm7(text):
            assert septet_count(segment) <= (160 if len(segments) == 1 else 153)
        else:
            assert len(segment.encode("utf-16-be")) <= 2 * (70 if len(segments) == 1 else 67)


@given(either, st.integers(1, 4))
def test_cutting_fits_and_says_so(text: str, most: int) -> None:
    cut = cut_to_segments(text, most)
    assert segment_count(cut) <= most
    if segment_count(text) <= most:
        assert cut == text
    else:
        assert cut.endswith("...")
        assert text.startswith(cut[:-3])
