from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.http import body

BAD = [
    (b"", 400),
    (b"{", 400),
    (b"not json", 400),
    (b"[1]", 400),
    (b'"text"', 400),
    (b'{"text": NaN}', 400),
    (b'{"text": 1e999}', 400),
    (b'{"text": "\xff\xfe"}', 400),
    (b'{"text": "\\ud800"}', 400),
    (b'{"text": ' * 10_000 + b"1" + b"}" * 10_000, 400),
    (b'{"data": ' + b"[" * 40 + b"]" * 40 + b"}", 400),
    (b"{}", 422),
    (b'{"text": ""}', 422),
    (b'{"text": "' + b"x" * (body.MAX_BODY_BYTES) + b'"}', 413),
    (b"x" * 10_000_000, 413),
]


async def pieces(raw):
    for start in range(0, len(raw), 50_000):
        yield raw[start : start + 50_000]


@pytest.mark.parametrize("chunked", [False, True])
async def test_bad_bodies_get_one_json_line(local, running, chunked):
    for raw, status in BAD:
        answer = await local.post("/api/v1/alarms", content=pieces(raw) if chunked else raw)
        assert answer.status_code == status, raw[:40]
        problem = answer.json()
        assert set(problem) == {"error", "field"}
        assert problem["error"].count("\n") == 0
        assert 0 < len(problem["error"]) <= 500
        assert problem["field"]
    assert running.operations.alarms == []
    assert (await local.get("/healthz")).status_code == 200


async def test_the_largest_allowed_body_is_taken(local, running):
    raw = b'{"text": "' + b"x" * (body.MAX_BODY_BYTES - 12) + b'"}'
    assert len(raw) == body.MAX_BODY_BYTES
    assert (await local.post("/api/v1/alarms", content=raw)).status_code == 202


async def test_a_body_that_does_not_come_is_given_up(local, monkeypatch):
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.05)

    async def stuck():
        yield b'{"te'
        import asyncio

        await asyncio.sleep(0.5)
        yield b'xt": 1}'

    assert (await local.post("/api/v1/alarms", content=stuck())).status_code == 408


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    )
)
def test_depth_is_measured_as_the_longest_chain(value):
    def depth(item):
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        return 0 if children is None else 1 + max(map(depth, children), default=0)

    for levels in range(6):
        assert body._deeper_than(value, levels) == (depth(value) > levels)
