from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from addispatch.config.explain import did_you_mean, explain


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Server(Strict):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    password: SecretStr = SecretStr("")


class ByFile(Strict):
    file_name: str


class Model(Strict):
    server: Server | None = None
    servers: list[Server] = []
    named: dict[str, Server] = {}
    either: Server | ByFile | None = None
    to: str | list[str] = ""
    sender: str = Field("", alias="from")
    mode: Literal["fast", "slow"] = "fast"
    some: Annotated[list[str], Field(min_length=1)] = ["a"]
    few: Annotated[list[str], Field(max_length=2)] = []

    @field_validator("mode")
    @classmethod
    def _mode(cls, value):
        if value == "slow":
            raise ValueError("is too slow today")
        return value


def lines(data, prefix="plugin.x"):
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(data)
    return [str(error) for error in explain(caught.value, Model, data, prefix)]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"server": {}}, "server.host: is missing"),
        ({"server": {"host": "a", "prt": 1}}, 'server.prt: is no option here (did you mean "port"?)'),
        (
            {"servers": [{"host": "a"}, {"host": "b", "hst": 1}]},
            'servers[1].hst: is no option here (did you mean "host"?)',
        ),
        ({"named": {"b c": {"host": 1}}}, 'named."b c".host: must be text in quotes'),
        ({"named": {"b": {"host": "b", "qqq": 1}}}, "named.b.qqq: is no option here (there are: host, password, port)"),
        ({"server": {"host": "a", "port": 0}}, "server.port: must be at least 1"),
        ({"server": {"host": "a", "port": "x"}}, "server.port: must be a whole number"),
        ({"server": 3}, "server: must be a table"),
        ({"servers": {"host": "a"}}, "servers: must be a list in [ ]"),
        ({"to": 3}, "to: must be text in quotes or a list in [ ]"),
        ({"to": [3]}, "to[0]: must be text in quotes"),
        ({"form": "a"}, 'form: is no option here (did you mean "from"?)'),
        ({"mode": "fats"}, "mode: must be 'fast' or 'slow' (did you mean \"fast\"?)"),
        ({"mode": "slow"}, "mode: is too slow today"),
        ({"few": ["a", "b", "c"]}, "few: may have at most 2 entries"),
        ({"some": []}, "some: needs at least 1 entry"),
        ({"MODE": "fast"}, 'MODE: is no option here (did you mean "mode"?)'),
    ],
)
def test_a_mistake_is_said_with_path_and_hint(data, line):
    assert f"plugin.x.{line}" in lines(data)


def test_one_place_is_one_line_although_each_member_of_a_union_complains():
    assert [line.split(":")[0] for line in lines({"to": 3, "either": 3})] == ["plugin.x.either", "plugin.x.to"]


def test_options_of_a_union_member_are_found():
    assert any("did you mean" in line for line in lines({"either": {"file_nme": "x"}}))


def test_no_value_is_repeated_so_no_secret_is_shown():
    data = {"server": {"host": "a", "password": ["sesame"], "port": "sesame"}, "mode": "sesame", "to": {"sesame": 1}}
    assert "sesame" not in " ".join(lines(data))


def test_a_word_far_from_all_options_lists_them_up_to_a_limit():
    assert did_you_mean("zzz", ["b", "a"]) == "there are: a, b"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", [f"name{n:02}" for n in range(20)]).endswith("name11 and 8 more")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["host", "port", "to", "x"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*Model.model_fields, "from", "x y"]), json_values, max_size=4))
def test_any_mistake_can_be_explained(data):
    try:
        Model.model_validate(data)
    except ValidationError as error:
        errors = explain(error, Model, data, "plugin.x")
        assert errors
        assert len({e.path for e in errors}) == len(errors)
        assert all(e.path.startswith("plugin.x") and "\n" not in str(e) for e in errors)
