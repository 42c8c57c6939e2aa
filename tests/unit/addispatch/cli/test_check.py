from __future__ import annotations

from addispatch.store.directory_fields import CHANNELS

GOOD = '[node]\nname = "node-a"\ndata_dir = "data"\ndefault_region = "SG"\n'


async def test_a_good_configuration(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text(GOOD)
    (tmp_path / "directory.toml").write_text('[[recipient]]\nname = "Adam"\nsms = "91234567"\n')
    done = await alone("check", "--config", config)
    assert (done.code, done.out) == (0, f"good: {config}, {tmp_path / 'directory.toml'}\n")
    assert not (tmp_path / "data").exists()


async def test_all_mistakes_at_once_in_both_files(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text('[node]\nnmae = "x"\ntimezone = "Mars"\n[plugin.nonsense]\n[plugin.mqtt]\nurll = "x"\n')
    (tmp_path / "directory.toml").write_text(
        '[[recipient]]\nname = "Adam"\nsms = "12"\n[[group]]\nname = "All"\nmembers = ["Adma"]\n'
    )
    done = await alone("check", "--config", config)
    assert done.code == 78
    lines = done.out.splitlines()
    assert 'node.nmae: is no option here (did you mean "name"?)' in lines
    for path in (
        "node.timezone:",
        "plugin.nonsense:",
        "directory.toml: recipient[0].sms:",
        "directory.toml: group[0].members[0]:",
    ):
        assert len([line for line in lines if line.startswith(path)]) == 1, (path, lines)
    as_json = await alone("check", "--json", "--config", config)
    assert as_json.code == 78
    assert len(as_json.doc["errors"]) == len(lines)
    assert set(as_json.doc["errors"][0]) == {"path", "problem", "hint"}


async def test_what_is_wrong_in_one_route_is_told_in_one_go(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text(GOOD)
    (tmp_path / "directory.toml").write_text(
        '[[route]]\nname = "r"\nto = ["Nobody"]\nchannels = ["smoke"]\n'
        '[[route]]\nname = "s"\nto = []\ntemplate = "shrt"\ncontinue = "yes"\nchannels = ["smss"]\n'
    )
    done = await alone("check", "--config", config)
    assert done.code == 78
    assert sorted(line.removeprefix("directory.toml: ") for line in done.out.splitlines()) == [
        f"route[0].channels[0]: 'smoke' is a channel of no plugin here (there are: {', '.join(sorted(CHANNELS))})",
        "route[0].to[0]: unknown recipient or group 'Nobody'",
        "route[1].channels[0]: 'smss' is a channel of no plugin here (did you mean \"sms\"?)",
        "route[1].continue: must be true or false",
        "route[1].template: unknown template 'shrt'",
        "route[1].to: needs at least 1 entry",
    ]


async def test_unreadable_files_are_named(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    assert (await alone("check", "--config", config)).code == 78
    config.write_text(GOOD)
    (tmp_path / "directory.toml").write_text("[[recipient")
    done = await alone("check", "--config", config)
    assert done.code == 78
    assert f"{tmp_path / 'directory.toml'}: is no valid TOML" in done.out


async def test_directory_toml_may_name_what_the_directory_has(alone, tmp_path):
    from addispatch.store.directory import DirectoryStore

    store = DirectoryStore(tmp_path / "data" / "directory", "SG")
    await store.load()
    await store.put("recipient", {"name": "Jane", "sms": "98765432"})
    await store.close()
    config = tmp_path / "addispatch.toml"
    config.write_text(GOOD)
    (tmp_path / "directory.toml").write_text('[[group]]\nname = "All"\nmembers = ["Jane"]\n')
    assert (await alone("check", "--config", config)).code == 0


async def test_run_with_a_bad_configuration_is_78(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text("[node]\nnmae = 1\ntimezone = 2\n")
    done = await alone("run", "--config", config)
    assert done.code == 78
    assert len(done.err.splitlines()) == 2
    assert "Traceback" not in done.err
