"""The messages of two nodes as bytes, in pieces the link takes (CLUSTER, TOPICS). Used by ``engine.cluster``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from addispatch.cluster.messages import Config, Digests, Heartbeat, Identity, Local, Pause, State, Synced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from addispatch.cluster.envelope import Header
    from addispatch.cluster.messages import Message

#: Most bytes of one body; the link takes 64 KiB.
MOST_BYTES = 48 * 1024

HEARTBEAT, STATE, DIGESTS, SYNCED = "hb", "st", "ak", "sy"


def encode(message: Message) -> Iterator[tuple[str, bytes]]:
    """Yield kind and body of each piece."""
    match message:
        case Heartbeat():
            yield HEARTBEAT, _heartbeat(message)
        case State(records):
            for body in _pack(piece for record in records for piece in _pieces(record)):
                yield STATE, b'{"e":[' + body + b"]}"
        case Digests(pairs, asks, answers):
            yield DIGESTS, orjson.dumps({"p": [[ident, str(one)] for ident, one in pairs], "q": asks, "r": answers})
        case Synced():
            yield SYNCED, b"{}"


def _pack(records: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for record in records:
        if waiting and size + len(record) > MOST_BYTES:
            yield b",".join(waiting)
            waiting, size = [], 0
        waiting.append(record)
        size += len(record) + 1
    if waiting:
        yield b",".join(waiting)


def _pieces(record: bytes) -> Iterator[bytes]:
    """A record that is too large is several that join: the first with the head, each with some of the deliveries."""
    if len(record) <= MOST_BYTES:
        yield record
        return
    doc: dict[str, Any] = orjson.loads(record)
    deliveries = doc.pop("d")
    size = max(1, len(deliveries) * MOST_BYTES // (2 * len(record)))
    yield orjson.dumps({**doc, "d": deliveries[:size]})
    for at in range(size, len(deliveries), size):
        yield orjson.dumps({"id": doc["id"], "g": doc["g"], "d": deliveries[at : at + size]})


def _heartbeat(beat: Heartbeat) -> bytes:
    local = beat.local
    return orjson.dumps(
        {
            "rank": beat.who.rank,
            "seen": {"boot": beat.seen_boot, "store": beat.seen_store, "n": beat.seen_number},
            "counts": beat.counts_on,
            "settled": beat.is_settled,
            "ch": {name: "ok" if is_up else "down" for name, is_up in local.channels},
            "disk": local.disk,
            "q": {"open": local.open_count, "oldest_s": round(local.oldest_s, 1)},
            "role": local.role,
            "pause": list(local.pause),
            "cfg": list(local.config),
            "url": local.url,
            "mirror": local.mirror_set,
            "number": local.number,
            "mode": local.mode,
        }
    )


def decode(kind: str, header: Header, body: bytes) -> Message:
    """Read a body; raises ``ValueError``, ``KeyError`` or ``TypeError`` if it is none."""
    doc = _table(orjson.loads(body))
    if kind == HEARTBEAT:
        return _read_heartbeat(header, doc)
    if kind == STATE:
        return State(tuple(_list(doc["e"])))  # whoever joins them looks at each
    if kind == DIGESTS:
        return Digests(tuple((str(ident), int(one)) for ident, one in doc["p"]), bool(doc["q"]), bool(doc["r"]))
    return Synced()


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a table was expected")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value


def _read_heartbeat(header: Header, doc: dict[str, Any]) -> Heartbeat:
    counter, rank, is_on, by = doc["pause"]
    term, gen, sha = doc["cfg"]
    local = Local(
        channels=tuple((str(name), state == "ok") for name, state in _table(doc["ch"]).items()),
        disk=str(doc["disk"]),
        open_count=int(doc["q"]["open"]),
        oldest_s=float(doc["q"]["oldest_s"]),
        role=str(doc["role"]),
        pause=Pause(int(counter), int(rank), bool(is_on), str(by)),
        config=Config(int(term), int(gen), str(sha)),
        url=str(doc["url"]),
        mirror=bool(doc["mirror"]),
        number=str(doc.get("number", "")),
        mode=str(doc.get("mode", "")),
        mirror_set=bool(doc["mirror"]),
    )
    who = Identity(header.sender, int(doc["rank"]), header.store, header.boot)
    seen = _table(doc["seen"])
    number = int(seen.get("n", 0))
    seen_boot, seen_store, counts = str(seen["boot"]), str(seen["store"]), bool(doc.get("counts", True))
    return Heartbeat(who, header.n, seen_boot, seen_store, bool(doc["settled"]), local, number, counts)
