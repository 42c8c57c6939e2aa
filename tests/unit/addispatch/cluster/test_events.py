"""Events and actions: all that is listed is handled, by the rules and by the daemon, and nothing else is."""

from __future__ import annotations

import ast
import inspect
from typing import get_args

import pytest

from addispatch.cluster import events, node
from addispatch.domain.case import Owner
from addispatch.engine import cluster


def matched(function) -> set[str]:
    """The classes named in the ``case`` lines of a function."""
    tree = ast.parse(inspect.getsource(function).lstrip())
    return {n.cls.attr for n in ast.walk(tree) if isinstance(n, ast.MatchClass) and isinstance(n.cls, ast.Attribute)}


@pytest.mark.parametrize(
    ("union", "function"),
    [(events.Event, node.Node._dispatch), (events.Action, cluster.Cluster._do)],
)
def test_each_is_handled(union, function):
    assert matched(function) == {one.__name__ for one in get_args(union)}


def test_each_value_is_an_event_or_an_action_or_a_change():
    listed = {*get_args(events.Event), *get_args(events.Action), events.Change}
    own = {one for _, one in inspect.getmembers(events, inspect.isclass) if one.__module__ == events.__name__}
    assert own == listed


def test_a_change_without_more_asks_for_nothing():
    change = events.Change("e", 1, Owner(), is_open=True)
    assert (change.needs, change.under_way, change.record) == (frozenset(), False, None)
