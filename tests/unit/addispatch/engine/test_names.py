"""Whose store it was is known after a restart, too."""

from __future__ import annotations

from ledgers import open_ledger

from addispatch.engine import names

STORE = "ab12" + 28 * "0"


def test_nobody_is_shown_a_number():
    assert names.shown({}, None) is names.shown({}, "") is None
    assert names.shown({}, STORE) == "unknown node (ab12…)"
    assert names.shown({names.MARK + STORE: b"node-b"}, STORE) == "node-b"


async def test_a_name_outlives_the_process(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        assert not names.is_known(ledger.marks, STORE, "node-b")
        await ledger.submit(lambda tx: names.note(tx, STORE, "node-b"))
        assert names.is_known(ledger.marks, STORE, "node-b")
        assert not names.is_known(ledger.marks, STORE, "node-c"), "it may get another one"
    async with open_ledger(tmp_path) as ledger:
        assert names.shown(ledger.marks, STORE) == "node-b"
