"""Hypothesis strategies for policies and cases: any partial entry two nodes could hold of one case."""

from __future__ import annotations

import orjson
from hypothesis import strategies as st

from addispatch.domain.alarm import Priority
from addispatch.domain.case import (
    NOTICE_CYCLE,
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
from addispatch.domain.policy import Level, Policy, PolicyKind

times = st.integers(0, 50)
names = st.sampled_from(["adam", "jane", "ops"])
idents = st.lists(names, max_size=2).map(tuple)
#: The last ones are what people type and what a node of an older version wrote.
notes = st.builds(
    Note, times, names, st.sampled_from(["sms", "email", "link"]), st.sampled_from(["", "on my way", "5′ – späť\n😀"]),
    st.sampled_from(["", "Adam", "Jané / Бо"]),
)  # fmt: skip
states = st.builds(DeliveryState, st.sampled_from(Fact), st.integers(0, 3), st.sampled_from(Phase))
#: Steps of the escalation, raises told again (levels below 0) and notices.
places = st.tuples(st.integers(0, 1), st.integers(-2, 2)) | st.tuples(st.just(NOTICE_CYCLE), st.integers(0, 2**31 - 1))
keys = st.builds(
    lambda place, *rest: DeliveryKey(*place, *rest), places, names, st.sampled_from(["sms", "email", "voice"]), names
)

levels = st.builds(
    Level, after_minutes=st.integers(1, 60) | st.floats(0.5, 60), to=idents, call=idents, resend=st.booleans()
)
policies = st.builds(
    Policy,
    id=st.just("p"),
    name=st.sampled_from(["usual", "Räumung"]),
    kind=st.sampled_from(PolicyKind),
    levels=st.lists(levels, max_size=3).map(tuple),
    max_send_wait_s=st.integers(0, 600),
    repeat=st.integers(0, 3),
    footnote=st.sampled_from(["", "ACK: Reply {CODE} + msg"]),
    append_link=st.none() | st.booleans(),
    exempt_keywords=st.lists(st.sampled_from(["normal", "正常"]), max_size=2).map(tuple),
    notify_contacted=st.booleans(),
    continue_unsent=st.booleans(),
    renotify_after_s=st.none() | st.integers(1, 3600),
)
frozen_policies = st.just("{}") | policies.map(lambda policy: orjson.dumps(policy).decode())


def _heads(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """Hypothesis would invent what is not named."""
    usual = {name: st.just(value) for name, value in Head._field_defaults.items()}
    common = {
        "alarm_id": st.just("alarm"),
        "audience_id": st.just("ops"),
        "audience": st.just("Ops"),
        "source": st.just("mqtt"),
        "text": st.sampled_from(["hot", "cold"]),
        "opened_at_ms": times,
        "key": st.sampled_from([None, "boiler"]),
        "priority": st.sampled_from(Priority),
    }
    return st.builds(Head, **{**usual, **common, **fields})


#: Whether a clear closes, and how long it stays open, comes from the policy: without one both are as a head has them.
told_heads = _heads(exempt=st.sampled_from(["", "normal"]))
asking_heads = _heads(ack_required=st.just(True)) | _heads(
    policy=frozen_policies,
    ack_required=st.booleans(),
    close_on_clear=st.booleans(),
    close_after_s=st.sampled_from([60.0, 72 * 3600.0]),
    body=st.sampled_from(["", "Boiler: hot"]),
    subject=st.sampled_from(["", "Boiler"]),
)
heads = told_heads | asking_heads


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
#: Cases whose recall or acknowledgement decides about them: nothing closes them otherwise.
living_cases = st.builds(
    lambda case, head, deliveries: case._replace(head=head, closings=frozenset(), deliveries=deliveries),
    cases,
    asking_heads,
    st.dictionaries(keys, states, max_size=8),
)
