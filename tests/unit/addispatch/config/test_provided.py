"""Nobody knows anything, unless somebody says so."""

from addispatch.config.provided import Provided


def test_what_is_not_known_is_none_and_not_empty():
    assert Provided() == (None, None)
    assert Provided(frozenset()) != Provided()
