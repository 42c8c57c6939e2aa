from __future__ import annotations

import json

import pytest

ADAM = {"recipient": [{"name": "Adam", "sms": "91234567"}], "group": []}


@pytest.mark.parametrize("suffix", ["toml", "json"])
async def test_what_is_exported_can_be_imported(addispatch, running, tmp_path, suffix):
    file = tmp_path / f"book.{suffix}"
    done = await addispatch("directory", "export", file)
    assert (done.code, done.out) == (0, f"{file} written\n")
    done = await addispatch("directory", "import", file)
    assert done.out.splitlines()[0] == "recipient: 1 added"
    assert running.operations.calls[-1][1]["recipient"] == ADAM["recipient"]


async def test_without_a_file_toml_or_json_is_printed(addispatch):
    assert 'name = "Adam"' in (await addispatch("directory", "export")).out
    exported = (await addispatch("directory", "export", "--json")).doc
    assert {table: entries for table, entries in exported.items() if entries} == {"recipient": ADAM["recipient"]}


async def test_csv_goes_both_ways(addispatch, running, tmp_path):
    file = tmp_path / "people.csv"
    assert (await addispatch("directory", "export", file)).code == 0
    file.write_text(file.read_text() + "Jane,,,jane@example.com\n")
    assert (await addispatch("directory", "import", file)).code == 0
    assert [entry["name"] for entry in running.operations.calls[-1][1]["recipient"]] == ["Adam", "Jane"]


async def test_every_mistake_is_a_line(addispatch, tmp_path):
    file = tmp_path / "book.json"
    file.write_text(json.dumps({"recipent": []}))
    done = await addispatch("directory", "import", file)
    assert done.code == 1
    assert done.err.splitlines() == [
        'error: recipent: is no table here (did you mean "recipient"?)',
        "error: group[0].members: 'Jone' is nobody (did you mean \"Jane\"?)",
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", b"[[recipient", "is no valid TOML"),
        ("a.json", b"[1]", "must be a JSON object"),
        ("a.csv", b"name,nonsense\nx,y\n", "nonsense"),
        ("a.txt", b"x", "must end in .toml, .json or .csv"),
        ("a.toml", b"\xff", "is not UTF-8"),
    ],
)
async def test_a_bad_file_is_refused_before_anything_is_sent(addispatch, running, tmp_path, name, content, words):
    file = tmp_path / name
    file.write_bytes(content)
    done = await addispatch("directory", "import", file)
    assert done.code == 1
    assert words in done.err
    assert "directory_import" not in [call[0] for call in running.operations.calls]


async def test_a_date_in_toml_is_for_the_daemon_to_refuse(addispatch, running, tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("[[recipient]]\nname = 2026-11-23\n")
    assert (await addispatch("directory", "import", file)).code == 0
    assert running.operations.calls[-1][1] == {"recipient": [{"name": "2026-11-23"}]}


async def test_files_that_are_not_there_are_named(addispatch, tmp_path):
    done = await addispatch("directory", "import", tmp_path / "no.toml")
    assert (done.code, "cannot be read: No such file" in done.err) == (1, True)
    done = await addispatch("directory", "export", tmp_path / "no" / "x.toml")
    assert (done.code, "cannot be written: No such file" in done.err) == (1, True)
