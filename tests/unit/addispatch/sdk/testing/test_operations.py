"""EmptyOperations: answers like a daemon that has nothing to show."""

import pytest

from addispatch.sdk import Operations, Refused
from addispatch.sdk.operations import Actor, Role
from addispatch.sdk.testing import EmptyOperations

ACTOR = Actor("test", Role.VIEWER, "test")


async def test_lists_are_empty_and_ended():
    operations: Operations = EmptyOperations()
    assert await operations.cases(ACTOR) == {"cases": [], "next": None}
    assert await operations.directory_entries(ACTOR, "recipient") == {"recipient": []}
    assert [event async for event in operations.follow(ACTOR)] == []
    assert (await operations.ready())["ready"] is True


async def test_no_case_is_there():
    with pytest.raises(Refused, match="c1"):
        await EmptyOperations().case(ACTOR, "c1")
