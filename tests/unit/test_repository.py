"""Laws of the repository: sizes, docstrings, a test file for each module, nothing in it that belongs to one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for top in ("addispatch", "plugins") for path in (ROOT / top).rglob("*.py"))
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 500, 60

#: Modules without a test file of their own, and why. ``a.py: b.py`` = tested there; a sentence = needs none.
VALUES = "values without behaviour, built in every test"
PROTOCOL = "a protocol without behaviour; the contract suites hold implementations to it"
NO_MIRROR: dict[str, str] = {
    "addispatch/cluster/path.py": "tests/unit/addispatch/cluster/test_link.py",
    "addispatch/config/models.py": "tests/unit/addispatch/config/test_loading.py",
    "addispatch/demo/play.py": "tests/story/test_demo.py",
    "addispatch/demo/story.py": "tests/story/test_demo.py",
    "addispatch/domain/alarm.py": VALUES,
    "addispatch/domain/errors.py": VALUES,
    "addispatch/domain/message.py": VALUES,
    "addispatch/domain/receipt.py": VALUES,
    "addispatch/domain/result.py": VALUES,
    "addispatch/host/runner.py": "tests/unit/addispatch/host/test_lifecycle.py",
    "addispatch/runtime/clock.py": "reads the machine's clock, which a test could only read again",
    "addispatch/runtime/sandbox.py": "tests/unit/addispatch/runtime/test_template.py",
    "addispatch/sdk/config.py": "tests/unit/addispatch/host/test_prepare.py",
    "addispatch/sdk/context.py": PROTOCOL,
    "addispatch/sdk/mqtt.py": "tests/unit/addispatch/runtime/test_mqtt.py",
    "addispatch/sdk/operations.py": PROTOCOL,
    "addispatch/sdk/plugin.py": "tests/unit/addispatch/host/test_prepare.py",
    "addispatch/sdk/protocols.py": PROTOCOL,
    "addispatch/sdk/testing/mosquitto.py": "tests/unit/addispatch/runtime/test_mqtt.py",
    "addispatch/store/rows.py": "tests/unit/addispatch/store/test_transaction.py",
    "addispatch/store/schema.py": "tests/unit/addispatch/store/test_ledger.py",
    "addispatch/store/sql.py": "tests/unit/addispatch/store/test_transaction.py",
    "plugins/addispatch_plugins/broker/config.py": "tests/unit/addispatch_plugins/broker/test_service.py",
    "plugins/addispatch_plugins/log/config.py": "tests/unit/addispatch_plugins/log/test_instance.py",
    "plugins/addispatch_plugins/mailbox/phrases.py": "tests/unit/addispatch_plugins/mailbox/test_letter.py",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts() -> list[Path]:
    """The files that belong to the project: what git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def breaches(path: Path) -> Iterator[str]:
    text = path.read_text()
    tree = ast.parse(text)
    if (count := text.count("\n")) > MAX_MODULE_LINES:
        yield f"{name_of(path)} has {count} lines"
    if tree.body and not ast.get_docstring(tree):
        yield f"{name_of(path)} has no docstring: purpose and who calls it"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > MAX_FUNCTION_LINES:
                yield f"{name_of(path)}: {node.name} has {count} lines"


def test_modules_and_functions_are_short_and_modules_say_what_they_are_for() -> None:
    assert len(MODULES) > 100
    assert [breach for path in MODULES for breach in breaches(path)] == []


def mirror_of(path: Path) -> Path:
    """``addispatch/store/ledger.py`` is tested by ``tests/unit/addispatch/store/test_ledger.py``."""
    inner = path.relative_to(ROOT / "plugins" if path.is_relative_to(ROOT / "plugins") else ROOT)
    return ROOT / "tests" / "unit" / inner.parent / f"test_{inner.stem.strip('_')}.py"


def test_modules_have_their_test_files() -> None:
    mirrors = [NO_MIRROR.get(name_of(path), name_of(mirror_of(path))) for path in MODULES if path.name != "__init__.py"]
    assert [name for name in mirrors if " " not in name and not (ROOT / name).exists()] == [], "these are missing"


def test_no_explanation_outlives_its_module() -> None:
    assert NO_MIRROR.keys() <= {name_of(path) for path in MODULES}


def test_nothing_belongs_to_one_machine_or_registry() -> None:
    # Put together here, or this file would be the first to offend.
    registries = ["pypi" + ".org", "pythonhosted" + ".org", "/simple" + "/", "index" + "-url", "registry." + "npmjs"]
    wrong = re.compile("|".join(map(re.escape, registries)) + r"|/(?:home|Users|root)/\w")
    found = []
    for path in texts():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if wrong.search(line)]
    assert not found


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 30
    assert [line for line in lines if not re.fullmatch(r"# .*|[a-z0-9.-]+==[0-9][\w.]*", line)] == []


def test_licence() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "Apache-2.0" in readme
    assert "GPL-2.0-or-later" in readme


def test_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert re.search(r"^make demo$", readme, re.MULTILINE)
    assert re.search(r"^make test$", readme, re.MULTILINE)


def test_changelog_is_open() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()
