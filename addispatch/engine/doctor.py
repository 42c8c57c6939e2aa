"""``addispatch doctor``: looks at everything and says of each thing that it is well or what to do.

``examine`` looks at a node that runs, changing nothing; where none does, see ``doctor_alone``. Called by
``engine.operations``.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from addispatch import __version__
from addispatch.domain.errors import AddispatchError
from addispatch.engine import machine
from addispatch.engine.people import people
from addispatch.sdk.protocols import Finding
from addispatch.store.connect import FULL_CHECK_BYTES
from addispatch.store.deadlines import pause_of

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from addispatch.config.models import Config
    from addispatch.engine.node import Node
    from addispatch.sdk.operations import Doc

#: How long the plugins may examine themselves, all at once, and how long reading the whole ledger may take, in seconds.
PLUGINS_S, LEDGER_S = 20.0, 15.0
#: Provisioned at each start, beside the configuration.
DIRECTORY_FILE = "directory.toml"
MEND = "mend it and restart addispatch"


async def examine(node: Node) -> Doc:
    """Examine a node that runs."""
    plugins, ledger, files, told = await asyncio.gather(
        node.host.examine(PLUGINS_S),
        _ledger(node),
        asyncio.to_thread(_files, node),
        asyncio.to_thread(people, node.pipeline.desk),
    )
    found = [_daemon(node), *files, ledger, *_directory_file(node), *_port(node), *told, *plugins]
    subjects = {finding.subject for finding in found}
    for name, problem in node.conditions.bad().items():
        if name not in subjects:  # who examined it just now knows better
            found.append(Finding(name, problem=problem))
    return document(node.name, found, running=True)


def document(node: str, found: list[Finding], *, running: bool) -> Doc:
    """The answer of the API."""
    ok = not any(finding.problem for finding in found)
    return {"node": node, "running": running, "ok": ok, "findings": [asdict(finding) for finding in found]}


def _daemon(node: Node) -> Finding:
    about = f"addispatch {__version__}"
    if not node.is_started:
        return Finding("daemon", problem="it is starting", advice="ask again in a moment")
    if pause := pause_of(node.ledger.marks):
        since = node.pipeline.desk.clock_text(int(str(pause["at_ms"])))
        problem = f"EMERGENCY PAUSE since {since} by {pause['by']}: nothing is sent"
        return Finding("daemon", problem=problem, advice="addispatch resume")
    hours = (node.clock.monotonic_s() - node.started_monotonic_s) / 3600
    return Finding("daemon", f"{about} runs" + (f" for {hours:.0f} h" if hours >= 1 else ""))


def _files(node: Node) -> list[Finding]:
    found: list[Finding] = []
    if node.config_file is not None:
        found += machine.configuration(node.config_file, datetime.fromtimestamp(node.started_at_ms / 1000, UTC))
    return found + around(node.config, node.config_file, node.clock.now())


def around(config: Config, file: Path | None, now: datetime) -> list[Finding]:
    """What does not depend on whether the daemon runs."""
    folder = config.node.data_dir
    return [
        *(machine.secrets(file) if file is not None else []),
        machine.data_folder(folder),
        machine.disk(folder, config.limits.disk_low_mib),
        machine.clock(now),
        machine.time_zone(config.node.timezone, now),
        *([machine.gammu()] if config.plugin.get("modem", {"enabled": False}).get("enabled", True) else []),
    ]


async def _ledger(node: Node) -> Finding:
    if problem := node.ledger.problem or node.ledger.intake_problem:
        advice = "make room or mend the disk: new alarms are not taken until then"
        return Finding("ledger", problem=problem, advice=advice)
    size = node.ledger_doc()["size_bytes"] or 0

    def check(connection: sa.Connection) -> str:
        return str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())

    if size > FULL_CHECK_BYTES:
        return Finding("ledger", f"{size / 2**20:,.0f} MiB, too large to be read through while it works")
    try:
        async with asyncio.timeout(LEDGER_S):
            return checked(await node.ledger.read(check), size)
    except TimeoutError:
        return Finding("ledger", f"{size / 2**20:,.1f} MiB, not read through within {LEDGER_S:.0f} s")
    except AddispatchError as error:
        return checked(str(error), size)


def checked(answer: str, size: int) -> Finding:
    """What SQLite's own check of a ledger of that size in bytes came to."""
    if answer == "ok":
        return Finding("ledger", f"{size / 2**20:,.1f} MiB, sound")
    advice = "restart addispatch: it sets the damaged file aside and begins a new one; restore a backup if there is one"
    return Finding("ledger", problem=f"damaged: {' '.join(answer.split())[:200]}", advice=advice)


def _directory_file(node: Node) -> list[Finding]:
    if node.config_file is None:
        return []
    path = node.config_file.parent / DIRECTORY_FILE
    if node.directory_problem:
        return [Finding(DIRECTORY_FILE, problem=node.directory_problem, advice=f"{MEND}; 'addispatch check' tells all")]
    if not path.exists():
        return []
    if path.stat().st_mtime > node.started_at_ms / 1000:
        advice = "restart addispatch, or 'addispatch directory import'"
        return [Finding(DIRECTORY_FILE, problem="it changed since the start", advice=advice)]
    return [Finding(DIRECTORY_FILE, "applied")]


def mistakes(problems: list[str]) -> list[Finding]:
    """Why ``directory.toml`` is not applied."""
    shown = problems[: machine.MOST_MISTAKES]
    return [Finding(DIRECTORY_FILE, problem=f"not applied: {problem}", advice=MEND) for problem in shown]


def _port(node: Node) -> list[Finding]:
    if node.app_warnings:
        return [Finding("http port", problem=warning) for warning in node.app_warnings]
    http = node.config.http
    ports = [one for one in (http.listen, http.ack_listen) if one]
    return [Finding("http port", f"listens on {' and '.join(ports)}" if ports else "none, as configured")]
