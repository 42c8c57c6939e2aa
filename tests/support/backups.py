"""A data folder with a queue in it, and a backup of it, for tests of store and engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ledgers import new_delivery, now_ms, open_case, open_ledger

from addispatch.domain.case import DeliveryKey, DeliveryState, Fact, Phase
from addispatch.store.backup import Sources, save
from addispatch.store.safe_storage import SafeStorage

MINUTE_MS = 60_000


def fill(folder: Path, word: str) -> None:
    """The files beside the ledger, each with a word in it."""
    (folder / "directory").mkdir(parents=True, exist_ok=True)
    for name in ("directory/recipient", "directory/group", "tokens", "cluster"):
        SafeStorage(folder / f"{name}.json").write({"word": {"1": {"word": word}}})


def words(folder: Path) -> set[str]:
    """The words found in them."""
    names = ("directory/recipient", "directory/group", "tokens", "cluster")
    return {(SafeStorage(folder / f"{name}.json").read() or {})["word"]["1"]["word"] for name in names}


async def queued(folder: Path, texts=("hot",), first=1, **head) -> None:
    """A ledger with a case for each text: one message due, a later rung of its ladder, one that is being sent."""
    folder.mkdir(exist_ok=True)
    async with open_ledger(folder) as ledger:
        await ledger.submit(_store_id)
        for number, text in enumerate(texts, first):
            rung = DeliveryKey(0, 0, "adam", "email", "adam@mail")
            rows = (
                new_delivery(text=text, expires_at_ms=now_ms() + MINUTE_MS),
                new_delivery(key=rung, rung=1, due_at_ms=None),
                new_delivery("jane", state=DeliveryState(Fact.NONE, 0, Phase.SENDING)),
            )
            await open_case(ledger, *rows, number=number, text=text, **head)


def _store_id(transaction) -> None:
    transaction.connection.exec_driver_sql("INSERT OR IGNORE INTO meta VALUES ('store_id', 'first')")


def save_all(folder: Path, file: Path, node: str = "a"):
    return save(Sources(folder / "ledger.db", folder, node), file, now_ms())


def ask(folder: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        return connection.execute(query).fetchall()
