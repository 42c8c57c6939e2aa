"""The documentation is complete: every command, key, path, topic and metric of the real objects is in it; links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from addispatch.config import Config
from addispatch.runtime.metrics import Metrics
from addispatch.sdk import PluginConfig
from addispatch.store.directory_models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "plugins").rglob("*.md")])
PLUGINS = sorted(
    entry.name for entry in entry_points(group="addispatch.plugins") if entry.dist and entry.dist.name == "addispatch"
)


def read(name: str) -> str:
    return (DOCS / name).read_text()


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables an annotation can hold: itself, or inside a union, list or tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """All keys of a table and of the tables in it, as users write them."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in models_in(field.annotation):
            yield from keys_of(inner)


def missing(keys: Iterator[str], text: str) -> list[str]:
    """Keys that are neither written as code nor set in an example."""
    return sorted(
        {
            key
            for key in keys
            if not re.search(rf"`[^`]*\b{re.escape(key)}\b[^`]*`|^\s*{re.escape(key)}\s*=", text, re.MULTILINE)
        }
    )


def commands() -> list[str]:
    """``addispatch cases``, ``addispatch plugin list`` …, from the program itself."""
    import typer.main

    from addispatch.cli import plugin, sim
    from addispatch.cli.program import app

    def walk(command: Any, path: str) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield path
        for name, sub in (inner or {}).items():
            if not sub.hidden:
                yield from walk(sub, f"{path} {name}")

    inner = {"addispatch plugin": plugin.app, "addispatch sim": sim.app}
    found = {path for name, sub in inner.items() for path in walk(typer.main.get_command(sub), name)}
    return sorted(found | set(walk(typer.main.get_command(app), "addispatch")))


def test_every_command_is_documented() -> None:
    page, found = read("cli.md"), commands()
    assert len(found) > 10
    assert [command for command in found if f"`{command}" not in page] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    found = commands()
    written = re.findall(r"^\| `(addispatch(?: [a-z]+(?:-[a-z]+)*)+)", read("cli.md"), re.MULTILINE)
    assert [command for command in written if command not in found] == []


def test_every_configuration_key_is_documented() -> None:
    page = read("configuration.md")
    assert missing(keys_of(Config), page) == []
    assert [table for table in Config.model_fields if f"[{table}" not in page] == []


@pytest.mark.parametrize("table", MODELS)
def test_every_directory_key_is_documented(table: str) -> None:
    page = read("directory.md")
    assert f"[[{table}]]" in page or f"[{table}]" in page
    assert missing(keys_of(MODELS[table]), page) == []


@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_has_its_page_with_every_key(name: str) -> None:
    plugin = next(iter(entry_points(group="addispatch.plugins", name=name))).load()
    page = ROOT / "plugins/addispatch_plugins" / name / "README.md"
    own = (key for key in keys_of(plugin.config) if key not in PluginConfig.model_fields)
    assert missing(own, page.read_text()) == []
    assert f"addispatch_plugins/{name}/README.md" in read("configuration.md")


def test_every_metric_is_documented() -> None:
    metrics = Metrics()
    names = re.findall(r"^# TYPE (\S+)", metrics.render().decode(), re.MULTILINE)
    assert len(names) > 5
    page = read("api.md")
    assert [name for name in names if f"`{name}" not in page] == []


def test_every_path_is_documented() -> None:
    from addispatch.http.app import create_app
    from addispatch.sdk.testing import EmptyOperations

    schema = create_app(
        EmptyOperations(), authenticate=lambda _token: None, metrics=Metrics(), is_started=bool
    ).openapi()
    page = read("api.md")
    paths = [f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods]
    assert len(paths) > 10
    assert [path for path in paths if f"`{path}`" not in page] == []


def test_the_link_pages_are_documented() -> None:
    from addispatch.http.link_app import CHECK, PREFIX

    page = read("api.md")
    for path in (f"GET {PREFIX}{{token}}", f"POST {PREFIX}{{token}}", f"GET {CHECK}"):
        assert f"`{path}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", text):
        path = page.parent / target if target else page
        assert path.exists(), f"{target} does not exist"
        if anchor:
            headings = [
                re.sub(r"[^\w\- ]", "", line).strip().lower().replace(" ", "-")
                for line in path.read_text().splitlines()
                if line.startswith("#")
            ]
            assert anchor[1:] in headings, f"{target}{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_toml_examples_are_toml(page: Path) -> None:
    for example in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        assert tomllib.loads(example), f"says nothing: {example}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme] == []


def test_directory_examples_are_accepted() -> None:
    checked = 0
    for name in ("README.md", "docs/getting-started.md"):
        for example in re.findall(r"```toml\n(.*?)```", (ROOT / name).read_text(), re.DOTALL):
            document = tomllib.loads(example)
            for table in document.keys() & MODELS.keys():
                for entry in document[table]:
                    MODELS[table].model_validate(entry)
                    checked += 1
    assert checked, "no page has an example any more"


def test_every_topic_is_documented() -> None:
    page = (DOCS / "mqtt.md").read_text()
    sources = [path.read_text() for path in (ROOT / "plugins/addispatch_plugins/mqtt").glob("*.py")]
    # What is computed becomes <…> in the page: only the fixed words of a topic can be compared.
    published = {m for text in sources for m in re.findall(r'f"\{(?:self\._)?prefix\}/([^"]+)"', text)}
    native = re.findall(r'"((?:alarm|send)/[a-z/+#]*)"', " ".join(sources))
    assert len(published) >= 5
    assert len(native) >= 3
    for topic in (*published, *native):
        words = [word for word in re.split(r"/|\{[^}]*\}|\+|#", topic) if word]
        assert any(all(word in line for word in words) for line in page.splitlines()), topic
