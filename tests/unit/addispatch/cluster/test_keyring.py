"""Keys in the configuration: what is taken, what is refused, and that nothing of a key is ever shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.cluster.keyring import Keyring, generate
from addispatch.domain.errors import ConfigError

A, B, C = generate("a"), generate("b"), generate("c")


def problem(text):
    with pytest.raises(ConfigError) as caught:
        Keyring.parse(text)
    assert caught.value.path == "cluster.key"
    assert "\n" not in str(caught.value)
    return caught.value.problem


def test_a_new_key_can_be_read():
    ring = Keyring.parse(generate("k2026-11"))
    assert ring.kid == "k2026-11"
    assert len(ring.keys["k2026-11"]) == 32
    assert generate("a") != A


@pytest.mark.parametrize(
    "text", [f"{A},{B},{C}", f"{A}\n{B}\n{C}\n", f"# new\n{A},\n\n {B} ,\r\n{C},", f"{A} , {B}\n  # old\n{C}"]
)
def test_the_first_seals_and_the_order_is_kept(text):
    ring = Keyring.parse(text)
    assert (ring.kid, list(ring.keys)) == ("a", ["a", "b", "c"])


def test_what_is_wrong_is_said_in_a_line():
    digits = A.partition(":")[2]
    assert problem("") == problem(" ,\n#\n") == "is empty"
    assert "hex digits" in problem(digits)
    assert "hex digits" in problem(A[:-1])
    assert "hex digits" in problem(A + "0")
    assert "hex digits" in problem("a:" + "x" * 64)
    assert "a name, a colon" in problem(f":{digits}")
    assert "a name, a colon" in problem(f"{'n' * 17}:{digits}")
    assert "a name, a colon" in problem(f"a b:{digits}")
    assert "key 2 has the name" in problem(f"{A},{generate('a')}")
    assert "key 2 is an earlier one" in problem(f"{A},b:{digits}")
    assert "no random number" in problem("a:" + "0" * 64)
    assert "has 5 keys" in problem(",".join(generate(name) for name in "abcde"))


@given(st.text(max_size=200))
def test_of_any_text_nothing_is_shown(text):
    assert A.partition(":")[2] not in problem(f"{text}:{A}:x")


def test_no_key_is_shown():
    assert A.partition(":")[2][:8] not in repr(Keyring.parse(A))
    assert str(Keyring.parse(A).keys["a"])[:10] not in repr(Keyring.parse(A))


@pytest.mark.parametrize("kid", ["", "a:b", "a,b", "a b", "x" * 17, "ä"])
def test_a_name_that_could_not_be_read_back_is_refused(kid):
    with pytest.raises(ConfigError, match="1 to 16"):
        generate(kid)
