from __future__ import annotations

import re

from addispatch.cluster.keyring import Keyring


async def test_each_call_prints_a_new_key_that_the_configuration_takes(alone):
    first, second = await alone("cluster", "key"), await alone("cluster", "key", "--kid", "k2")
    assert (first.code, first.err, second.code) == (0, "", 0)
    assert re.fullmatch(r"k\d{8}:[0-9a-f]{64}\n", first.out)
    assert len(Keyring.parse(first.out + second.out).keys) == 2
    assert Keyring.parse(second.out).kid == "k2"


async def test_a_name_that_is_none_is_refused(alone):
    wrong = await alone("cluster", "key", "--kid", "a:b")
    assert (wrong.code, wrong.out) == (2, "")
    assert "1 to 16 letters" in wrong.err
