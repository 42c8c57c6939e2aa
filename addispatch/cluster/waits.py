"""Who waits until the other node holds an alarm, too (law 1). Pure; used by ``node``."""

from __future__ import annotations


class Waits:
    """Tokens, and the entries each of them waits for: by id the digest that will do."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[float, dict[str, int]]] = {}
        self._by_entry: dict[str, set[int]] = {}

    def add(self, token: int, until_s: float, wanted: dict[str, int]) -> None:
        """Somebody waits, at most so long."""
        self._waiting[token] = (until_s, wanted)
        for ident in wanted:
            self._by_entry.setdefault(ident, set()).add(token)

    def held(self, ident: str, theirs: int, digest: int | None) -> list[int]:
        """The other node has an entry in this state, ours is ``digest``: return who need not wait any more."""
        done = []
        for token in list(self._by_entry.get(ident, ())):
            wanted = self._waiting[token][1]
            if theirs in (wanted[ident], digest):
                del wanted[ident]
                self._unlink(ident, token)
                if not wanted:
                    self.end(token)
                    done.append(token)
        return done

    def overdue(self, now_s: float) -> list[int]:
        """Whose time is over."""
        return [token for token, (until_s, _) in self._waiting.items() if now_s >= until_s]

    def all(self) -> list[int]:
        """Everybody."""
        return list(self._waiting)

    def end(self, token: int) -> None:
        """Somebody waits no more."""
        _, wanted = self._waiting.pop(token)
        for ident in list(wanted):
            self._unlink(ident, token)

    def _unlink(self, ident: str, token: int) -> None:
        waiters = self._by_entry.get(ident)
        if waiters is not None:
            waiters.discard(token)
            if not waiters:
                del self._by_entry[ident]
