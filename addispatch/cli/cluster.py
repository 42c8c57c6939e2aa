"""``addispatch cluster``: two nodes that back each other up, and what stands around them."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from addispatch.cli.client import SOCKET_NAME, Client, Doc
from addispatch.cli.connected import connected
from addispatch.cli.root import app
from addispatch.cli.text import colour, printable
from addispatch.domain.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from addispatch.config import Config

commands = typer.Typer(help="Two nodes that back each other up.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(commands, name="cluster")

#: Exit code of options that are wrong, as typer has it.
_WRONG_USE = 2
#: Largest file with a password that is read, in bytes.
_MAX_PASSWORD_BYTES = 1024

Needs = Annotated[str, typer.Option(help="Channels that must be up, as sms,email.", metavar="NAMES")]
Priority = Annotated[
    int | None, typer.Option(help="Who has the address: the higher. Else by [cluster] role.", show_default=False)
]


@commands.callback()
def cluster() -> None:
    """Two nodes that back each other up."""


def _shown(document: Doc) -> None:
    if document.get("ready") and (refuses := document.get("refuses")):
        print(f"{colour('ready', 'yellow')}, but takes no alarms: {printable(refuses)}")
    elif document.get("ready"):
        print(colour("ready", "green"))
    else:
        print(f"{colour('not ready', 'red')}: {printable(document.get('reason') or 'no reason given')}")


@connected(commands, "check", view=_shown, verdict=lambda document: 0 if document.get("ready") else 1)
def check(
    client: Client,
    needs: Needs = "",
    timeout: Annotated[float, typer.Option(help="Seconds the daemon may take.", min=0.1, max=60)] = 2.0,
) -> Doc:
    """Ask whether the node is ready: 0 if so; 1 and one line why not, also if it hangs."""
    return client.ready(needs, timeout)


@commands.command()
def keepalived(
    address: Annotated[str, typer.Option(help="The virtual address, with the network's length.", metavar="A/N")],
    interface: Annotated[str, typer.Option(help="Where the address goes, for example eth0.", metavar="NAME")],
    peer: Annotated[str, typer.Option(help="The other node's own address; else by multicast.", metavar="A")] = "",
    priority: Priority = None,
    router_id: Annotated[
        int | None, typer.Option(help="1 to 255, the same on both; else from the address.", show_default=False)
    ] = None,
    needs: Needs = "",
    password_file: Annotated[Path | None, typer.Option(help="File with a VRRP 2 password.", metavar="F")] = None,
    back_after: Annotated[
        int, typer.Option(help="Seconds this node is well again before the address comes back.", metavar="S")
    ] = 5,
    user: Annotated[str, typer.Option(help="The user the daemon runs as.", metavar="NAME")] = "addispatch",
    config: Annotated[Path | None, typer.Option("--config", help="The configuration file.", metavar="F")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write it there.", metavar="F")] = None,
) -> None:
    """Print a keepalived.conf for this node: the virtual address goes to the node that can work."""
    from addispatch.cluster.keepalived import Wanted, keepalived_conf
    from addispatch.config import load

    try:
        settings = load(config).config
        wanted = Wanted(
            node=settings.node.name,
            address=address,
            interface=interface,
            socket=PurePosixPath((settings.node.data_dir / SOCKET_NAME).absolute()),
            priority=priority if priority is not None else priority_of(settings),
            peer=peer,
            router_id=router_id,
            needs=tuple(name.strip() for name in needs.split(",")) if needs else (),
            password=_password(password_file) if password_file is not None else "",
            user=user,
            back_after_s=back_after,
        )
        text = keepalived_conf(wanted)
    except ConfigErrors:
        raise
    except ConfigError as error:
        typer.echo(f"cluster keepalived: {printable(str(error))}", err=True)
        raise typer.Exit(_WRONG_USE) from None
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text)


def priority_of(config: Config) -> int:
    """Return the priority of the node's role; ``ConfigError`` if the configuration tells no role."""
    from addispatch.cluster.keepalived import PRIORITIES

    role = getattr(getattr(config, "cluster", None), "role", None)
    if role not in PRIORITIES:
        hint = f"{PRIORITIES['master']} for the master, {PRIORITIES['slave']} for the slave"
        raise ConfigError("--priority", "the configuration has no [cluster] role to go by", hint)
    return PRIORITIES[role]


def _password(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_PASSWORD_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError("--password-file", f"cannot read {file}: {reason}") from None


def _write(file: Path, text: str) -> None:
    """Write for root alone: there may be a password in it."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(text)
    except OSError as error:
        typer.echo(f"cluster keepalived: --output: cannot write {printable(file)}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
