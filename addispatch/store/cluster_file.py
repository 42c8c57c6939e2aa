"""What this node keeps of the pair: the version of its directory and its role. Used by ``engine.cluster``.

It is written after the directory. A crash in between costs another transfer at most: the hash tells what is there.
"""

from __future__ import annotations

from pathlib import Path

from addispatch.domain.errors import ClusterError, StoreError
from addispatch.domain.replication import ClusterRole, Saved, Version
from addispatch.store.safe_storage import SafeStorage, set_aside

#: Its name in the data folder.
NAME = "cluster.json"


class ClusterFile:
    """The file in the data folder. Blocking: call it off the loop."""

    def __init__(self, data_dir: Path) -> None:
        self._storage = SafeStorage(data_dir / NAME)
        self.note = ""
        """After ``read``: what had to be recovered, one line for the event log; else empty."""

    def read(self) -> Saved | None:
        """Return what was kept, or None at the first start.

        A file that cannot be read, nor its backup, is set aside: the node then starts as a new one does, and takes the
        directory of its peer.
        """
        try:
            data = self._storage.read()
            self.note = self._storage.recovered
            return None if data is None else _saved(data)
        except (StoreError, ClusterError) as error:
            kept = [
                each.name for path in (self._storage.path, self._storage.backup) if (each := set_aside(path, "corrupt"))
            ]
            self.note = f"{self._storage.path} cannot be used, this node joins its pair as a new one: {error}"
            self.note += f" (kept as {', '.join(kept)})" if kept else ""
            return None

    def write(self, saved: Saved) -> None:
        """Keep it; durable when this returns. Raises ``StoreError``."""
        row = {
            "version": saved.version.row(),
            "role": saved.role.value,
            "is_started": saved.is_started,
            "is_own": saved.is_own,
        }
        self._storage.write({"cluster": row})


def _saved(data: dict[str, dict[str, object]]) -> Saved:
    match data.get("cluster"):
        case {"version": version, "role": "master" | "slave" as role, "is_started": bool(started), "is_own": bool(own)}:
            return Saved(Version.parse(version), ClusterRole(role), started, own)
    raise ClusterError("it is not of the form this version writes")
