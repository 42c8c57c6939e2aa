"""``addispatch cluster status|promote|start-empty|difference``: the pair as the daemon sees it, and its master."""

from __future__ import annotations

from typing import Any

from addispatch.cli.client import Client, Doc
from addispatch.cli.cluster import commands
from addispatch.cli.connected import connected
from addispatch.cli.text import colour, duration, printable

_LABEL = 11


def _line(label: str, text: str, tone: str = "") -> None:
    print(f"{label:<{_LABEL}} {colour(text, tone) if tone else text}")


def _status(doc: Doc) -> None:
    if not doc:
        print("This node is alone: there is no table [cluster] in its configuration.")
        return
    role, peer = str(doc["role"]), doc["peer"]
    print(f"Server Replication Role: [{role.capitalize()}]")
    other = "Slave" if role == "master" else "Master"
    is_there = doc["peer_status"] == "Connected"
    print(f"{other} Status: {colour(printable(doc['peer_status']), 'green' if is_there else 'red')}")
    if trouble := doc["directory"]["trouble"]:
        _line("Roles", f"{printable(trouble)}: addispatch cluster promote", "red")
    _line("State", str(doc["state"]), "green" if doc["settled"] else "yellow")
    mirror = "pending messages are mirrored" if doc["mirror"] else "queue not mirrored"
    settled = "settled" if doc["settled"] else "not settled: it sends nothing yet"
    _line("Mode", f"{doc['mode']}, {mirror}, {settled}")
    if differs := doc.get("differs"):
        _line("Differs", printable(differs), "red")
    if peer is not None:
        _line("Other node", _peer(peer))
    for path in doc["paths"]:
        ago = path["heard_ago_s"]
        heard = "nothing heard of the other node by it" if ago is None else f"heard {duration(ago)} ago"
        trouble = printable(path["problem"])
        _line("Broker", f"{path['broker']}  {trouble or heard}", "red" if trouble else "")
    entries = doc["entries"]
    unclean = int(entries["unclean"])
    _line(
        "Entries",
        f"{entries['known']} open, {unclean} not confirmed by the other node"
        if unclean
        else f"{entries['known']} open",
        "yellow" if unclean else "",
    )
    _line("Directory", _directory(doc["directory"]))


def _peer(peer: dict[str, Any]) -> str:
    channels = ", ".join(f"{name} {state}" for name, state in peer["channels"].items()) or "no channels"
    if peer["standing"] == "down":  # whatever else is known of it is from before
        return printable(f"{peer['name']} ({peer['role']}, down); its channels when it was heard last: {channels}")
    settled = "settled" if peer["settled"] else "not settled"
    disk = "" if peer["disk"] == "ok" else f", disk {peer['disk']}"
    return printable(f"{peer['name']} ({peer['role']}, {peer['standing']}, {settled}): {channels}{disk}")


def _directory(doc: dict[str, Any]) -> str:
    term, gen = doc["version"]
    same = "the same on both nodes" if doc["same"] else "not known to be the same on both nodes"
    if doc["same"] is None and doc["last_heard_s"] is not None:
        was = "the same on both nodes" if doc["last_same"] else "another one on the other node"
        same = f"{was} when that was heard last, {duration(doc['last_heard_s'])} ago"
    fetching = f", fetching {doc['fetching'][0]} of {doc['fetching'][1]} bytes" if doc["fetching"] else ""
    read_only = f"; read-only: {printable(doc['read_only'])}" if doc["read_only"] else ""
    return f"version {term}.{gen}, {same}{fetching}{read_only}"


def _difference(doc: Doc) -> None:
    if not doc:
        print("No directory of this node was replaced by the other one's.")
        return
    print(f'{printable(doc["file"])} ("there") was replaced; what is in force ("here") differs:')
    for line in doc["lines"]:
        print(f"  {printable(line)}")
    if not doc["lines"]:
        print("  in nothing")


@connected(commands, "status", view=_status)
def status(client: Client) -> Doc:
    """Show the pair: roles, the other node, brokers, what is not mirrored yet, the directory's version."""
    return client.get("/cluster")


@connected(commands, "promote", view=_status)
def promote(client: Client) -> Doc:
    """Make this node the master; the other one becomes the slave as soon as it hears of it."""
    return client.post("/cluster/promote", {})


@connected(commands, "start-empty", view=_status)
def start_empty(client: Client) -> Doc:
    """Let the empty directory of a new master count; else it waits for the other node's."""
    return client.post("/cluster/start-empty", {})


@connected(commands, "difference", view=_difference)
def difference(client: Client) -> Doc:
    """Show how the directory that was replaced last by the other node's differs from the one in force."""
    return client.get("/cluster/difference")
