"""The commands that show what the daemon knows. Each is a request and a view."""

from __future__ import annotations

from typing import Annotated

import typer

from addispatch.cli import views
from addispatch.cli.client import Client, Doc
from addispatch.cli.connected import connected, print_json
from addispatch.cli.root import app

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where the list before ended.")]


@connected(app, view=views.status)
def status(client: Client) -> Doc:
    """Show the state of the node on one screen."""
    return client.get("/status")


@connected(app, view=views.cases)
def cases(
    client: Client,
    state: Annotated[str | None, typer.Option(help="Only open, acknowledged or closed ones.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Doc:
    """List cases, newest first."""
    return client.get("/cases", state=state, limit=limit, cursor=cursor)


@connected(app, view=views.deliveries)
def deliveries(
    client: Client,
    state: Annotated[str | None, typer.Option(help="Only those queued, sent, failed …")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Doc:
    """List deliveries, newest first."""
    return client.get("/deliveries", state=state, limit=limit, cursor=cursor)


@connected(app, view=views.received)
def received(client: Client, limit: Limit = 20, cursor: Cursor = None) -> Doc:
    """List messages that came in, newest first."""
    return client.get("/received", limit=limit, cursor=cursor)


@connected(app, view=views.modems)
def modems(
    client: Client,
    as_json: bool,
    scan: Annotated[bool, typer.Option("--scan", help="Look through this machine's ports; needs no daemon.")] = False,
    port: Annotated[list[str] | None, typer.Option(help="With --scan: a port to look at, too.")] = None,
) -> Doc | None:
    """List the modems with operator and signal, or find new ones."""
    if port and not scan:
        raise typer.BadParameter("goes with --scan", param_hint="--port")
    if scan and client.is_elsewhere:
        raise typer.BadParameter("looks at this machine's ports and goes without --server", param_hint="--scan")
    if scan:
        from addispatch.cli.scan import show_scan

        show_scan(port or [], as_json=as_json)
        return None
    document = client.get("/modems")
    if as_json:
        print_json(document)
    else:
        views.modems(document)
    return None


@connected(app, view=views.plugins)
def plugins(client: Client) -> Doc:
    """List the plugins and why one is off."""
    return client.get("/plugins")


@connected(app, view=views.why)
def why(
    client: Client,
    text: Annotated[str, typer.Option(help="The alarm's text.")],
    source: Annotated[str, typer.Option(help="Where it would come from.")] = "cli",
    topic: Annotated[str | None, typer.Option(help="Its topic.")] = None,
    priority: Annotated[str | None, typer.Option(help="critical, high, medium or low.")] = None,
    to: Annotated[str | None, typer.Option(help="Audiences, as for send; replaces routing.")] = None,
    at: Annotated[str | None, typer.Option(help="When, for example 2026-11-23T03:00:00+08:00.")] = None,
) -> Doc:
    """Tell who would be told what, why, and when the next ones if nobody answers; nothing is sent."""
    alarm = {"text": text, "source": source, "topic": topic, "priority": priority, "to": split_names(to), "at": at}
    return client.post("/why", {name: value for name, value in alarm.items() if value is not None})


def split_names(text: str | None) -> list[str] | None:
    """Split ``Adam, Jane`` into its names; None if there are none."""
    names = [name.strip() for name in (text or "").split(",")]
    return [name for name in names if name] or None
