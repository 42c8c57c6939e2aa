"""Makes a function that asks the daemon into a command: adds the options that say which daemon, and ``--json``.

@connected(app, view=views.cases)
def cases(client: Client, limit: …) -> Doc: return client.get("/cases", limit=limit)
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from addispatch.cli.client import Client, Target
from addispatch.cli.text import use_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    Doc = dict[str, Any]


def _options(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    server: Annotated[str | None, typer.Option(help="Ask another node: http://host:5556.", metavar="URL")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the token for --server.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the daemon on this machine.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration that names the data directory.")] = None,
) -> None:
    """Declare the options every connected command has."""


_COMMON = tuple(inspect.signature(_options, eval_str=True).parameters.values())


def connected(
    app: typer.Typer,
    name: str | None = None,
    *,
    view: Callable[[Doc], None],
    verdict: Callable[[Doc], int] | None = None,
) -> Callable[[Callable[..., Doc | None]], Callable[..., Doc | None]]:
    """Return the decorator. ``view`` prints the document for people; ``verdict`` makes an exit code of it.

    A function that prints by itself takes ``as_json`` and returns None.
    """

    def register(ask: Callable[..., Doc | None]) -> Callable[..., Doc | None]:
        parameters = inspect.signature(ask, eval_str=True).parameters.values()
        asks_for_json = any(parameter.name == "as_json" for parameter in parameters)
        own = [parameter for parameter in parameters if parameter.name not in ("client", "as_json")]

        def command(**given: Any) -> None:
            as_json = given["as_json"] if asks_for_json else given.pop("as_json")
            common = {parameter.name: given.pop(parameter.name) for parameter in _COMMON[1:]}
            client = Client(Target(**common))
            document = ask(client, **given)
            if document is None:
                return
            use_zone(client.timezone)
            if as_json:
                print_json(document)
            else:
                view(document)
            if verdict is not None:
                raise typer.Exit(verdict(document))

        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *_COMMON)]
        command.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
        command.__name__, command.__doc__ = ask.__name__, ask.__doc__
        app.command(name)(command)
        return ask

    return register


def print_json(document: Doc) -> None:
    """Print one JSON document."""
    print(json.dumps(document, ensure_ascii=False, indent=2))
