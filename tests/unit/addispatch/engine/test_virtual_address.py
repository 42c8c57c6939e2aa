from __future__ import annotations

import pytest

from addispatch.domain.errors import Refused
from addispatch.engine.virtual_address import MAX_COUNT, AddressesHere


def test_only_a_move_is_news():
    here = AddressesHere()
    told = [here.note("10.0.0.100", is_here=is_here) for is_here in (False, True, True, False, False)]
    assert told == [False, True, False, True, False]
    assert here.note("fd00::100", is_here=True)


def test_what_is_no_address_or_one_too_many_is_refused():
    here = AddressesHere()
    with pytest.raises(Refused, match="plant is no address"):
        here.note("plant", is_here=True)
    for number in range(MAX_COUNT):
        assert here.note(f"10.0.0.{number}", is_here=True)
    with pytest.raises(Refused, match="20 virtual addresses are here already"):
        here.note("10.0.1.1", is_here=True)
    assert here.note("10.0.0.0", is_here=False)
    assert here.note("10.0.1.1", is_here=True)
