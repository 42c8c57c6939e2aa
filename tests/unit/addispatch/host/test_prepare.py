import pytest

from addispatch.cluster.keyring import generate
from addispatch.config.secrets import replace_references
from addispatch.domain.errors import ConfigError, ConfigErrors
from addispatch.host.prepare import below, check_file, check_plugins, prepare, provided
from addispatch.host.status import Status


@pytest.fixture
def record_of(make_config):
    def _record(name, table=None, **plugins):
        config = make_config(plugins, **{name: {} if table is None else table})
        records, _ = prepare(config.plugins, config.plugin)
        return records[0]

    return _record


def lines(errors):
    return [str(error) for error in errors]


def test_a_plugin_with_a_table_is_on_and_the_others_are_listed_as_off(install, make_config):
    install("siren")
    config = make_config(siren={"port": 7})
    records, errors = prepare(config.plugins, config.plugin)
    assert errors == []
    assert (records[0].name, records[0].status, records[0].settings.port) == ("siren", Status.ENABLED, 7)
    off = {record.name: (record.status, record.reason) for record in records[1:]}
    assert off["log"] == (Status.DISABLED, "no table [plugin.log]")


def test_a_plugin_that_is_off_is_not_even_imported(install, record_of):
    install("siren", source="raise RuntimeError('imported')")
    record = record_of("siren", {"enabled": False})
    assert (record.status, record.reason) == (Status.DISABLED, "enabled = false")


def test_the_channels_of_all_plugins_count_on_or_off(install, make_config):
    install("siren", channel="horn")
    found = provided(make_config().plugins)
    assert found.channels is not None
    assert {"horn", "sms", "voice", "email", "log"} <= found.channels


def test_beside_a_plugin_that_does_not_load_nobody_knows_the_channels(install, make_config):
    install("siren", source="raise SystemExit('no')")
    assert provided(make_config().plugins) == (None, None)


def test_a_misspelt_plugin_gets_a_hint(record_of):
    record = record_of("mqqt")
    assert record.status is Status.CONFIG_ERROR
    assert record.reason == 'plugin.mqqt: no plugin of this name is installed (did you mean "mqtt"?)'


def test_all_mistakes_of_a_table_are_said_with_their_paths(install, record_of):
    install("siren")
    record = record_of("siren", {"prt": 1, "port": "x", "hosts": ["a", 2]})
    assert record.status is Status.CONFIG_ERROR
    assert sorted(lines(record.errors)) == [
        "plugin.siren.hosts[1]: must be text in quotes",
        "plugin.siren.port: must be a whole number",
        'plugin.siren.prt: is no option here (did you mean "port"?)',
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def (", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "AttributeError"),
        ("import json as plugin", "json is a module and hides the Plugin object of that name: rename it"),
        ("plugin = 3", "it is a int, not an addispatch.sdk.Plugin"),
    ],
)
def test_a_plugin_that_cannot_be_imported_says_why(install, record_of, source, reason):
    install("siren", source=source)
    record = record_of("siren")
    assert record.status is Status.LOAD_ERROR
    assert record.reason.startswith(reason)
    assert lines(record.errors)[0].startswith(f"plugin.siren: the plugin cannot be loaded: {reason}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("api_version=2", "it is made for plugin API 2, this addispatch has 1"),
        ("name='other'", "it calls itself 'other', but is registered as 'siren'"),
        ("config=dict", "its configuration model is not a subclass of addispatch.sdk.PluginConfig"),
    ],
)
def test_a_plugin_that_is_not_what_it_says_is_refused(install, record_of, change, reason):
    install("siren", after=f"import dataclasses; plugin = dataclasses.replace(plugin, {change})")
    record = record_of("siren")
    assert (record.status, record.reason) == (Status.LOAD_ERROR, reason)


def test_two_packages_with_one_name_are_a_load_error(install, record_of):
    install("siren", package="acme-siren")
    install("siren", package="bolt-siren")
    record = record_of("siren")
    assert record.status is Status.LOAD_ERROR
    assert "acme-siren, bolt-siren" in record.reason


def test_a_refused_dropin_is_shown_beside_the_installed_plugin(tmp_path, make_config, write_plugin):
    folder = tmp_path / "dropins"
    folder.mkdir(mode=0o755)
    write_plugin(folder / "log.py", "log")
    config = make_config({"folder": str(folder)}, log={})
    records = [record for record in prepare(config.plugins, config.plugin)[0] if record.name == "log"]
    assert [(record.status, record.origin) for record in records] == [
        (Status.ENABLED, "addispatch"),
        (Status.LOAD_ERROR, str(folder / "log.py")),
    ]


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        ("TypeError('boom')", "plugin.siren: TypeError: boom"),
        ("ConfigError('to', 'is no number', 'write +65')", "plugin.siren.to: is no number (write +65)"),
        ("ValueError('is odd')", "plugin.siren.port: is odd"),
    ],
)
def test_whatever_a_validator_raises_is_a_configuration_error(install, record_of, raised, line):
    more = f"""
    from pydantic import field_validator
    class Config(Config):
        @field_validator("port")
        @classmethod
        def _port(cls, value):
            raise {raised}
    """
    install("siren", more=more)
    record = record_of("siren", {"port": 2})
    assert (record.status, lines(record.errors)) == (Status.CONFIG_ERROR, [line])


def test_errors_are_put_below_the_plugins_path():
    errors = ConfigErrors([ConfigError("a", "x"), ConfigError("plugin.p.b", "y")])
    assert lines(below("plugin.p", errors)) == ["plugin.p.a: x", "plugin.p.b: y"]


def test_five_mistakes_in_one_file_are_five_lines(tmp_path, install):
    install("siren")
    install("broken", source="1/0")
    file = tmp_path / "a.toml"
    file.write_text("""
        [node]
        timezone = "Mars"
        [log]
        levl = "info"
        [plugin.siren]
        prt = 3
        [plugin.broken]
        [plugin.mqqt]
        """)
    assert lines(check_file(file)) == [
        "node.timezone: is no time zone: write it as Asia/Singapore, Europe/Berlin or UTC",
        'log.levl: is no option here (did you mean "level"?)',
        'plugin.siren.prt: is no option here (did you mean "port"?)',
        "plugin.broken: the plugin cannot be loaded: ZeroDivisionError: division by zero",
        'plugin.mqqt: no plugin of this name is installed (did you mean "mqtt"?)',
    ]


def test_checking_a_file(tmp_path, install):
    install("siren")
    good, odd, torn = tmp_path / "good.toml", tmp_path / "odd.toml", tmp_path / "torn.toml"
    good.write_text("[plugin.siren]\nport = 2")
    odd.write_text("plugin = 3")
    torn.write_text("[plugin.mqqt]\n[node")
    # A plugin's table may be in the torn file, too: nothing is said about it.
    assert check_file(good) == []
    assert lines(check_file(odd)) == ["plugin: must be a table"]
    assert len(check_file(torn)) == 1
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.toml").write_text("[plugin.siren]\nhosts = 3")
    assert lines(check_file(good)) == ["plugin.siren.hosts: must be a list in [ ] (in conf.d/b.toml)"]


def test_a_channel_that_is_needed_and_that_nobody_brings_is_a_mistake(tmp_path, install):
    install("siren")
    file = tmp_path / "a.toml"
    file.write_text('[http]\nready_needs = ["log", "lgo"]\n[plugin.log]\n[plugin.smtp]\nenabled = false')
    assert lines(check_file(file)) == [
        'http.ready_needs: no plugin that is on has the channel lgo (did you mean "log"?)'
    ]
    file.write_text('[http]\nready_needs = ["mirror"]\n[plugin.log]')
    assert lines(check_file(file)) == ["http.ready_needs: no plugin that is on has the channel mirror (there are: log)"]
    pair = f'[node]\nname = "a"\n[cluster]\nrole = "master"\nbrokers = ["mqtt://a:1884"]\nkey = "{generate("k1")}"\n'
    file.write_text(pair + file.read_text())
    assert lines(check_file(file)) == [], "the other node of a pair has it"
    file.write_text('[http]\nready_needs = ["sms"]\n[plugin.siren]\nprt = 3')
    assert lines(check_file(file)) == ['plugin.siren.prt: is no option here (did you mean "port"?)']


def test_checking_without_any_file(tmp_path, monkeypatch):
    monkeypatch.setattr("addispatch.config.loading.SEARCHED", ())
    assert "no file found" in lines(check_file())[0]


def test_a_failed_reference_in_a_plugins_table_is_one_line(tmp_path, install):
    install("siren")
    file = tmp_path / "a.toml"
    file.write_text('[plugin.siren]\nport = "${ENV:NOT_SET_HERE}"')
    assert lines(check_file(file)) == [
        "plugin.siren.port: the environment variable 'NOT_SET_HERE' is not set (set it where addispatch is started)"
    ]


def test_a_secret_that_is_missing_turns_off_its_plugin_beside_its_other_mistakes(tmp_path, install, record_of):
    install("siren")
    table, _ = replace_references({"plugin": {"siren": {"hosts": ["${FILE:gone}"], "prt": 1}}}, tmp_path)
    record = record_of("siren", table["plugin"]["siren"])
    assert record.status is Status.CONFIG_ERROR
    assert [error.path for error in record.errors] == ["plugin.siren.hosts[0]", "plugin.siren.prt"]
    assert f"cannot read {tmp_path}/gone" in record.reason


def test_checking_plugins_includes_the_folder(make_config, tmp_path):
    config = make_config({"folder": str(tmp_path / "gone")}, mqqt={})
    assert [error.path for error in check_plugins(config)] == ["plugins.folder", "plugin.mqqt"]
