import os
from pathlib import Path

import pytest

from addispatch.config import Config, dump_masked, find, load, read
from addispatch.config.secrets import unresolved
from addispatch.domain.errors import ConfigErrors


@pytest.fixture
def write(tmp_path):
    def _write(text, name="addispatch.toml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text) if isinstance(text, str) else file.write_bytes(text)
        return tmp_path / "addispatch.toml"

    return _write


def errors_of(path):
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    return caught.value.errors


def lines_of(path):
    return [str(error) for error in errors_of(path)]


def test_an_empty_file_is_a_node_with_every_default(write):
    assert load(write("")).config == Config()


def test_every_table_is_read(write):
    config = load(
        write("""
        [node]
        name = "plant-2"
        data_dir = "data"
        timezone = "Asia/Singapore"
        default_region = "DE"
        [http]
        listen = "[::1]:80"
        public_url = "https://alarms.example.com/"
        ack_listen = "0.0.0.0:8080"
        [dispatch]
        max_attempts = 3
        in_doubt = { critical = "hold" }
        [plugin.log]
        level = "info"
        """)
    ).config
    assert config.node.data_dir.is_absolute()
    assert config.node.data_dir.name == "data"
    assert config.http.address == ("::1", 80)
    assert config.http.ack_address == ("0.0.0.0", 8080)
    assert config.http.public_url == "https://alarms.example.com"
    assert (config.dispatch.in_doubt.critical, config.dispatch.in_doubt.low) == ("hold", "resend")
    assert config.plugin == {"log": {"level": "info"}}


def test_relative_folders_are_beside_the_file_wherever_it_is_started(write, tmp_path, monkeypatch):
    path = write('[node]\ndata_dir = "data"\n[plugins]\nfolder = "mine"')
    monkeypatch.chdir("/")
    config = load(path).config
    assert config.node.data_dir == tmp_path / "data"
    assert config.plugins.folder == tmp_path / "mine"


def test_an_empty_dropin_folder_is_none_and_an_empty_listen_opens_no_port(write):
    config = load(write('[plugins]\nfolder = ""\n[http]\nlisten = ""')).config
    assert config.plugins.folder is None
    assert config.http.address is None
    assert config.http.ack_address is None


def test_five_mistakes_are_five_lines(write):
    path = write("""
        [node]
        nam = "x"
        timezone = "Mars/Olympus"
        [http]
        listen = "5556"
        [dispatch]
        max_attempts = "many"
        [log]
        format = "jsn"
        """)
    assert lines_of(path) == [
        "node.timezone: is no time zone: write it as Asia/Singapore, Europe/Berlin or UTC",
        'node.nam: is no option here (did you mean "name"?)',
        "http.listen: must be address:port, for example 127.0.0.1:5556 or [::1]:5556; empty opens no port",
        "dispatch.max_attempts: must be a whole number",
        "log.format: must be 'text' or 'json' (did you mean \"json\"?)",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[nodes]\nname="a"', 'nodes: is no option here (did you mean "node"?)'),
        ("node = 3", "node: must be a table"),
        ("[node]\nname = 3", "node.name: must be text in quotes"),
        ("[node]\ndata_dir = 3", "node.data_dir: must be text in quotes"),
        (
            '[node]\nname = "a/b"',
            "node.name: must be 1 to 64 letters, digits, - _ or . and begin with a letter or digit",
        ),
        (
            '[node]\ndefault_region = "65"',
            "node.default_region: is no country: write two capital letters, for example SG",
        ),
        (
            '[http]\nack_listen = "127.0.0.1:5556"',
            "http.ack_listen: must differ from listen, which shows the same pages already; empty opens no second port",
        ),
        (
            '[http]\nack_listen = "80"',
            "http.ack_listen: must be address:port, for example 127.0.0.1:5556 or [::1]:5556; empty opens no port",
        ),
        (
            '[http]\nready_needs = ["sms", "e mail"]',
            "http.ready_needs[1]: must be 1 to 64 letters, digits, - _ or . and begin with a letter or digit",
        ),
        ('[http]\nready_needs = "sms"', "http.ready_needs: must be a list in [ ]"),
        ('[http]\npublic_url = "example.com"', "http.public_url: must begin with http:// or https:// and name a host"),
        ('[store]\nurl = "mysql://x"', "store.url: must be sqlite:///FILE, for example sqlite:///ledger.db"),
        ('[plugins]\nreplace = "maybe"', "plugins.replace: must be true or false"),
        ("[dispatch]\nretry_first_s = 0", "dispatch.retry_first_s: must be more than 0"),
        ("[dispatch]\nretry_longest_s = nan", "dispatch.retry_longest_s: must be a number"),
        (
            "[dispatch]\nretry_first_s = 90",
            "dispatch: retry_longest_s (60) must be at least retry_first_s (90)",
        ),
        (
            "[limits]\ndisk_floor_mib = 600",
            "limits: disk_low_mib (512) must be at least disk_floor_mib (600)",
        ),
        ("[dispatch]\nmax_attempts = 2.5", "dispatch.max_attempts: must be a whole number"),
        ('[dispatch.in_doubt]\nhigh = "drop"', "dispatch.in_doubt.high: must be 'resend' or 'hold'"),
        ("plugin = 3", "plugin: must be a table"),
        ("[plugin]\nlog = true", "plugin.log: must be a table"),
    ],
)
def test_a_mistake_is_said_in_plain_words(write, text, line):
    assert lines_of(write(text)) == [line]


KEY = "k1:cb8f28b73db019b5bfb5663638cfc424523ca1c283defca4ad3a7158f2abdaff"
CLUSTER = f"""
[node]
name = "node-b"
[cluster]
role = "slave"
brokers = ["mqtt://node-a:1884", "mqtt://cluster:pass-word@node-b"]
key = "{KEY}"
"""


def test_a_pair_is_read_and_neither_key_nor_password_is_shown(write):
    loaded = load(write(CLUSTER))
    cluster = loaded.config.cluster
    assert (cluster.role, cluster.mode, cluster.mirror, cluster.strict) == ("slave", "active/active", True, False)
    assert (cluster.hb_s, cluster.t_dead_s, cluster.t_settle_s, cluster.t_mirror_s) == (0.25, 1.5, 2.5, 0.5)
    assert cluster.key.get_secret_value() == KEY
    shown = f"{loaded.config!r} {dump_masked(loaded)}"
    assert KEY[3:20] not in shown
    assert "pass-word" not in shown
    assert load(write("")).config.cluster is None


NO_BROKER = "is not an address of a broker: mqtt://host:1883, or mqtts://host:8883 for TLS"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('role = "slave"', "", "cluster.role: is missing"),
        ('role = "slave"', 'role = "boss"', "cluster.role: must be 'master' or 'slave'"),
        (
            'name = "node-b"',
            'timezone = "UTC"',
            "cluster: needs a name for this node, different from the other's: set name in [node]",
        ),
        (
            '[node]\nname = "node-b"',
            "",
            "cluster: needs a name for this node, different from the other's: set name in [node]",
        ),
        (
            "mqtt://node-a:1884",
            "node-a",
            "cluster.brokers: number 1 is not an address of a broker: mqtt://host:1883, or",
        ),
        ("mqtt://node-a:1884", "mqtt://node-b:1883", "cluster.brokers: node-b:1883 is there twice"),
        (
            '"mqtt://node-a:1884", ',
            '"node-a", "mqtt://x:1884", "http://x", "mqtt://x:1884", ',
            f"cluster.brokers: number 1 {NO_BROKER}; number 3 {NO_BROKER}; x:1884 is there twice",
        ),
        ("[cluster]", "[cluster]\nmirror = false\nstrict = true", "cluster: strict needs mirror: without it the other"),
        ('"mqtt://node-a:1884", "mqtt://cluster:pass-word@node-b"', "", "cluster.brokers: needs at least 1 entry"),
        (KEY, KEY[:-1], "cluster.key: key 1 needs 64 hex digits after the colon: `addispatch cluster key` makes one"),
        (KEY, "${FILE:gone.key}", "cluster.key: cannot read"),
        ("[cluster]", "[cluster]\nhb_s = 0.6", "cluster: t_dead_s (1.5) must be at least three times hb_s (0.6)"),
        ("[cluster]", "[cluster]\nt_dead_s = 0.5", "cluster: t_dead_s (0.5) must be at least three times hb_s (0.25)"),
        ("[cluster]", "[cluster]\nhb_s = 0", "cluster.hb_s: must be at least 0.05"),
        ("[cluster]", "[cluster]\nt_mirror_s = nan", "cluster.t_mirror_s: must be a number"),
        ("[cluster]", '[cluster]\nstrict = "yes"', "cluster.strict: must be true or false"),
        ("[cluster]", '[cluster]\npassword = "x"', "cluster: password is there, user is missing"),
        ("[cluster]", '[cluster]\ncert_file = "x"', "cluster: cert_file and key_file belong together"),
        ("[cluster]", "[cluster]\ninsecure = true", "cluster: ca_file, cert_file and insecure are for TLS: begin"),
        ("[cluster]", "[cluster]\ntdead_s = 1", 'cluster.tdead_s: is no option here (did you mean "t_dead_s"?)'),
    ],
)
def test_a_mistake_in_a_pair_is_one_line_without_secrets(write, old, new, line):
    assert old in CLUSTER
    (said,) = lines_of(write(CLUSTER.replace(old, new)))
    assert said.startswith(line)
    assert KEY[3:20] not in said
    assert "pass-word" not in said


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("[node]\nname = node-a\n", "line 2, column 8", "invalid value"),
        ("[node\n", "line 1, column 6", "expected ']' at the end of a table declaration"),
        ('x = """', "end of file", "unterminated string"),
        ("[node]\n[node]\n", "line 2, column 6", "cannot declare ('node',) twice"),
    ],
)
def test_a_syntax_error_names_file_and_line(write, text, place, problem):
    path = write(text)
    (error,) = errors_of(path)
    assert error.path == f"{path}, {place}"
    assert error.problem.lower() == problem


def test_text_without_quotes_gets_a_hint(write):
    (error,) = errors_of(write("[node]\nname = node-a\n"))
    assert "quotes" in error.hint


def test_a_file_that_is_not_utf8_names_the_line(write):
    path = write(b'[node]\nname = "caf\xe9"\n')
    assert lines_of(path) == [f"{path}, line 2: is not UTF-8 text (save the file as UTF-8)"]


def test_a_byte_order_mark_is_forgiven(write):
    assert load(write(b'\xef\xbb\xbf[node]\nname = "b"\n')).config.node.name == "b"


def test_a_file_nested_too_deeply_or_too_large_is_an_error(write):
    assert "nested too deeply" in lines_of(write("x = " + "[" * 20_000))[0]
    assert "larger than" in lines_of(write("#" * 3_000_000))[0]


def test_a_missing_file_a_folder_and_no_file_at_all(tmp_path, monkeypatch):
    assert "No such file" in lines_of(tmp_path / "gone.toml")[0]
    assert "Is a directory" in lines_of(tmp_path)[0]
    monkeypatch.setattr("addispatch.config.loading.SEARCHED", (tmp_path / "a.toml", tmp_path / "b.toml"))
    with pytest.raises(ConfigErrors, match=r"no file found; looked for .*a\.toml and .*b\.toml"):
        load()


def test_the_file_in_the_working_folder_comes_before_the_one_in_etc(tmp_path, monkeypatch):
    monkeypatch.setattr("addispatch.config.loading.SEARCHED", (Path("addispatch.toml"), tmp_path / "etc.toml"))
    (tmp_path / "etc.toml").touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert find() == tmp_path / "etc.toml"
    (empty / "addispatch.toml").touch()
    assert find() == Path("addispatch.toml")
    assert find(tmp_path / "named.toml") == tmp_path / "named.toml"


def test_conf_d_is_merged_in_the_order_of_names(write):
    write('[[plugin.mqtt.subscribe]]\ntopic = "c"\n[node]\ntimezone = "UTC"', "conf.d/20-more.toml")
    write('[[plugin.mqtt.subscribe]]\ntopic = "b"\n[log]\nlevel = "debug"', "conf.d/10-site.toml")
    write("not toml", "conf.d/README")
    loaded = load(write('[node]\nname = "n"\n[[plugin.mqtt.subscribe]]\ntopic = "a"\n'))
    assert [item["topic"] for item in loaded.config.plugin["mqtt"]["subscribe"]] == ["a", "b", "c"]
    assert (loaded.config.node.name, loaded.config.log.level) == ("n", "debug")
    assert [file.name for file in loaded.files] == ["addispatch.toml", "10-site.toml", "20-more.toml"]


def test_setting_something_twice_names_both_files(write):
    write('[node]\nname = "b"\n', "conf.d/a.toml")
    write('[log]\nlevel = "info"\n', "conf.d/b.toml")
    write('[log]\nlevel = "debug"\n[plugin.mqtt.url]\nx = 1', "conf.d/c.toml")
    assert lines_of(write('[node]\nname = "a"\n[plugin.mqtt]\nurl="x"')) == [
        "node.name: is set twice: in addispatch.toml and in conf.d/a.toml (remove one)",
        "log.level: is set twice: in conf.d/b.toml and in conf.d/c.toml (remove one)",
        "plugin.mqtt.url: is set twice: in addispatch.toml and in conf.d/c.toml (remove one)",
    ]


def test_a_mistake_in_conf_d_says_in_which_file_it_is(write):
    write("[dispatch]\nmax_attempts = 0\n[log]\nlevl = 1", "conf.d/a.toml")
    assert lines_of(write("[http]\nlisten = 3\n")) == [
        "http.listen: must be text in quotes",
        "dispatch.max_attempts: must be at least 1 (in conf.d/a.toml)",
        'log.levl: is no option here (did you mean "level"?; in conf.d/a.toml)',
    ]


def test_an_unreadable_file_hides_no_mistake_in_the_others(write):
    write("x = ", "conf.d/a.toml")
    write("y = ", "conf.d/b.toml")
    lines = lines_of(write('[node]\nname = "${ENV:NOT_SET_ANYWHERE}"\n[log]\nlevl = 1'))
    places = [line.split(",")[0].split(":")[0] for line in lines]
    assert places == ["conf.d/a.toml", "conf.d/b.toml", "node.name", "log.levl"]


def test_reading_never_raises_and_keeps_what_it_could(write, tmp_path):
    write("broken", "conf.d/a.toml")
    document = read(write("[plugin.log]\n"))
    assert document.unreadable
    assert document.data == {"plugin": {"log": {}}}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read(write):
    path = write("")
    path.chmod(0)
    assert "Permission denied" in lines_of(path)[0]


def test_a_secret_one_plugin_misses_keeps_nobody_else_from_starting(write):
    path = write('[plugin.mqtt]\nurl = "mqtt://${FILE:gone}@broker"\n[plugin.log]')
    table = load(path).config.plugin["mqtt"]
    assert [error.path for error in unresolved(table)] == ["plugin.mqtt.url"], "the plugin's check finds it"
