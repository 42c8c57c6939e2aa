import json
import os
from pathlib import Path

import pytest

from addispatch.config import Config, Loaded, dump_masked, load
from addispatch.config.secrets import MASK, MAX_SECRET_BYTES, replace_references, unresolved
from addispatch.domain.errors import ConfigErrors


def test_references_are_replaced_inside_texts_of_any_depth(tmp_path, monkeypatch):
    monkeypatch.setenv("BROKER", "10.0.0.5")
    (tmp_path / "pin").write_text("1234\n")
    data = {"a": {"url": "mqtt://${ENV:BROKER}:1883"}, "b": [{"pin": "${FILE:pin}"}, 7], "c": True}
    replaced, references = replace_references(data, tmp_path)
    assert replaced == {"a": {"url": "mqtt://10.0.0.5:1883"}, "b": [{"pin": "1234"}, 7], "c": True}
    assert references == {"a.url", "b[0].pin"}
    assert unresolved(replaced) == []


def test_what_a_reference_brings_in_is_not_searched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("A", "${ENV:B} ${FILE:/etc/shadow}")
    assert replace_references({"x": "${ENV:A}"}, tmp_path)[0] == {"x": "${ENV:B} ${FILE:/etc/shadow}"}


def test_other_texts_with_dollar_and_braces_stay(tmp_path):
    data = {"text": "{{ price }} $5 ${name} $${x}"}
    assert replace_references(data, tmp_path) == (data, set())


def test_a_number_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTEMPTS", "4")
    file = tmp_path / "a.toml"
    file.write_text('[dispatch]\nmax_attempts = "${ENV:ATTEMPTS}"')
    assert load(file).config.dispatch.max_attempts == 4


def test_every_reference_that_fails_is_an_error_of_its_own(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (MAX_SECRET_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "exact").write_bytes(b"x" * MAX_SECRET_BYTES)
    texts = [
        "${ENV:GONE}",
        "${FILE:gone}",
        "${FILE:pipe}",
        "${FILE:large}",
        "${FILE:binary}",
        "${FILE:exact}",
        "${env:A}",
    ]
    left, _ = replace_references({"x": texts, "dir": "${FILE:.}"}, tmp_path)
    assert left["x"][0] == "${ENV:GONE}", "it stays as it was written"
    assert [(error.path, error.problem) for error in unresolved(left)] == [
        ("x[0]", "the environment variable 'GONE' is not set"),
        ("x[1]", f"cannot read {tmp_path}/gone: No such file or directory"),
        ("x[2]", f"cannot read {tmp_path}/pipe: not a regular file"),
        ("x[3]", f"cannot read {tmp_path}/large: larger than 64 KiB"),
        ("x[4]", f"cannot read {tmp_path}/binary: not UTF-8 text"),
        ("x[6]", "'env' is not a kind of reference"),
        ("dir", f"cannot read {tmp_path}: Is a directory"),
    ]


def test_a_failed_reference_is_one_line_even_if_the_text_left_is_wrong_too(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('[http]\nlisten = "${ENV:GONE_LISTEN}"')
    with pytest.raises(ConfigErrors) as caught:
        load(file)
    assert [error.path for error in caught.value.errors] == ["http.listen"]


def test_a_dump_shows_defaults_and_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("SITE", "hidden-by-reference")
    file = tmp_path / "a.toml"
    file.write_text("""
        [node]
        name = "${ENV:SITE}"
        [plugin.mqtt]
        url = "mqtt://bob:hidden-in-url@broker:1883"
        urls = ["mqtt://:hidden-in-list@b", "mqtt://plain"]
        key = "{{ topic }}"
        [plugin.smtp.primary]
        password = "hidden-by-key"
        user = "bob"
        [[plugin.modem.modem]]
        name = "sim1"
        pin = 424242
        api_token = "hidden-token"
        password = ""
        """)
    shown = dump_masked(load(file))
    text = json.dumps(shown)
    assert "hidden" not in text
    assert "424242" not in text
    assert shown["plugin"]["mqtt"] == {
        "url": f"mqtt://bob:{MASK}@broker:1883",
        "urls": [f"mqtt://:{MASK}@b", "mqtt://plain"],
        "key": "{{ topic }}",
    }
    assert shown["plugin"]["smtp"]["primary"] == {"password": MASK, "user": "bob"}
    assert shown["plugin"]["modem"]["modem"][0]["password"] == ""
    assert shown["dispatch"]["max_attempts"] == 10
    assert shown["node"]["name"] == MASK


def test_dumping_defaults_masks_nothing():
    assert MASK not in json.dumps(dump_masked(Loaded(Config(), (Path("a.toml"),))))
