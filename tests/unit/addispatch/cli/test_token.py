from __future__ import annotations


async def test_tokens(addispatch, running):
    made = await addispatch("token", "add", "grafana", "--role", "viewer")
    assert (made.code, made.out) == (0, "adt_secret\n")
    assert ("token_add", "grafana", "viewer") in running.operations.calls
    assert "viewer" in (await addispatch("token", "list")).out
    assert (await addispatch("token", "remove", "grafana")).out == "removed\n"
    assert (await addispatch("token", "remove", "no/body")).err == "error: name: there is no token 'no/body'\n"
