"""Which registers are read in one request: all of them exactly, none too many."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.plan import Span, merge

H, C = Register.HOLDING, Register.COIL
SPANS = st.lists(
    st.builds(
        lambda register, number, size: Span(register, number, 1 if register.is_bit else size),
        st.sampled_from(Register),
        st.integers(0, 400),
        st.integers(1, 125),
    ),
    max_size=40,
)


def shape(spans, gap=8, max_registers=125, alone=()):
    return [
        (block.span.number, block.span.size)
        for block in merge(spans, gap=gap, max_registers=max_registers, alone=alone)
    ]


@settings(deadline=None)
@given(SPANS, st.integers(0, 20), st.integers(1, 125), st.integers(0, 10))
def test_each_span_is_covered_exactly_once(spans, gap, max_registers, alone_count):
    alone = set(spans[:alone_count])
    blocks = merge(spans, gap=gap, max_registers=max_registers, alone=alone)
    assert sorted(index for block in blocks for index in block.members) == list(range(len(spans)))
    for block in blocks:
        inner = [spans[index] for index in block.members]
        assert all(one.register is block.span.register for one in inner)
        assert block.span.number == min(one.number for one in inner)
        assert block.span.end == max(one.end for one in inner)
        factor = 16 if block.span.register.is_bit else 1
        assert block.span.size <= max(max_registers * factor, *(one.size for one in inner))
        assert block.span.size <= (2_000 if block.span.register.is_bit else 125)
        if alone & set(inner):
            assert len(set(inner)) == 1
        covered = sorted({at for one in inner for at in range(one.number, one.end)})
        assert all(after - before <= gap * factor + 1 for before, after in pairwise(covered)), "too many in vain"


def test_neighbours_are_read_together():
    assert shape([Span(H, 0, 2), Span(H, 2, 2), Span(H, 12, 1), Span(H, 22, 1)]) == [(0, 13), (22, 1)]
    assert shape([Span(H, 2, 2), Span(H, 0, 2), Span(H, 2, 2)], gap=0) == [(0, 4)]


def test_the_standard_s_limits():
    assert shape([Span(H, at, 1) for at in range(300)]) == [(0, 125), (125, 125), (250, 50)]
    assert shape([Span(C, at, 1) for at in range(2_100)]) == [(0, 2_000), (2_000, 100)]
    assert shape([Span(H, 0, 2), Span(H, 4, 2)], max_registers=4) == [(0, 2), (4, 2)]


def test_tables_are_never_mixed():
    assert len(merge([Span(H, 0, 1), Span(Register.INPUT, 0, 1)], gap=8, max_registers=125)) == 2


def test_bad_ones_stand_alone():
    bad = Span(H, 1, 1)
    assert shape([Span(H, 0, 1), bad, Span(H, 2, 1), bad], alone={bad}, gap=8) == [(0, 3), (1, 1)]
    assert shape([Span(H, 0, 1), bad, Span(H, 2, 1)], alone={bad}, gap=0) == [(0, 1), (2, 1), (1, 1)]
    # One that happens to be what two others came to is still asked for apart.
    both = Span(H, 0, 2)
    assert shape([Span(H, 0, 1), Span(H, 1, 1), both], alone={both}) == [(0, 2), (0, 2)]
