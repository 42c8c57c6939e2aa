"""Hypothesis strategies for cases: any partial entry two nodes could hold of one case."""

from __future__ import annotations

from hypothesis import strategies as st

from addispatch.domain.alarm import Priority
from addispatch.domain.case import (
    Case,
    Clear,
    CloseReason,
    Closing,
    DeliveryKey,
    DeliveryState,
    Fact,
    Head,
    Note,
    Owner,
    Phase,
    Position,
    Repeat,
)

times = st.integers(0, 50)
names = st.sampled_from(["adam", "jane", "ops"])
notes = st.builds(Note, times, names, st.sampled_from(["sms", "mail"]), st.sampled_from(["", "on my way"]))
states = st.builds(DeliveryState, st.sampled_from(Fact), st.integers(0, 3), st.sampled_from(Phase))
keys = st.builds(DeliveryKey, st.integers(0, 1), st.integers(0, 2), names, st.sampled_from(["sms", "email"]), names)
heads = st.builds(
    Head,
    alarm_id=st.just("alarm"),
    audience_id=st.just("ops"),
    audience=st.just("Ops"),
    source=st.just("mqtt"),
    text=st.sampled_from(["hot", "cold"]),
    opened_at_ms=times,
    key=st.sampled_from([None, "boiler"]),
    policy=st.sampled_from(["", "{}"]),
    topic=st.just(""),
    priority=st.sampled_from(Priority),
    ack_required=st.booleans(),
    # These come from the policy: without one they are as a head has them by itself.
    close_on_clear=st.just(True),
    close_after_s=st.just(72 * 3600.0),
)


def sets(of: st.SearchStrategy) -> st.SearchStrategy:
    return st.frozensets(of, max_size=3)


cases = st.builds(
    Case,
    id=st.just("case"),
    head=st.none() | heads,
    owner=st.builds(Owner, st.integers(0, 3), st.integers(0, 1), st.sampled_from(["", "s1", "s2"])),
    position=st.builds(Position, st.integers(0, 2), st.integers(0, 3)),
    codes=sets(st.sampled_from(["A123", "N456"])),
    acks=sets(notes),
    declines=sets(notes),
    comments=sets(notes),
    clears=sets(st.builds(Clear, times, names)),
    closings=sets(st.builds(Closing, times, st.sampled_from(CloseReason), names)),
    repeats=st.dictionaries(
        st.sampled_from(["s1", "s2"]),
        st.builds(Repeat, st.integers(1, 4), times, st.sampled_from(["x", "y"]), st.integers(0, 3)),
        max_size=2,
    ),
    deliveries=st.dictionaries(keys, states, max_size=4),
)
