from __future__ import annotations


async def test_rotate(addispatch, running):
    done = await addispatch("link-key", "rotate")
    assert (done.code, done.err) == (0, "")
    assert "until the next rotation" in done.out
    assert running.operations.calls == [("link_key_rotate",)]
    assert (await addispatch("link-key", "rotate", "--json")).doc == {"keys_count": 2}
