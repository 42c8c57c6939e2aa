"""What must be alike on both nodes: how it is judged, and said."""

from __future__ import annotations

import pytest

from addispatch.cluster.messages import Local
from addispatch.engine.alike import PASSIVE, difference, is_passive, mirrors

ACTIVE = "active/active"


@pytest.mark.parametrize(
    ("mine", "theirs", "passive"),
    [(PASSIVE, PASSIVE, True), (PASSIVE, "", True), (PASSIVE, ACTIVE, False), (ACTIVE, PASSIVE, False)],
)
def test_only_the_master_sends_if_both_say_so(mine, theirs, passive):
    assert is_passive(mine, Local(mode=theirs)) is passive
    assert is_passive(mine, None) is (mine == PASSIVE)


def test_both_mirror_if_one_says_so():
    both = [mirrors(mine, Local(mirror_set=theirs)) for mine in (True, False) for theirs in (True, False)]
    assert both == [True, True, True, False]
    assert not mirrors(False, None)


def test_what_differs_is_said_with_what_is_done_meanwhile():
    mine, theirs = Local(mode=PASSIVE), Local(mode=ACTIVE, mirror_set=False)
    assert difference(mine, theirs, "b") == (
        "mode is active/passive on this node and active/active on b and mirror is true on this node and false on b: "
        "set the same on both and restart that node; until then both send, as active/active and both mirror"
    )
    assert not difference(mine, mine, "b")
    assert not difference(mine, Local(), "b"), "a node of an older version does not say its mode"
