"""The ledger's tables. Times are milliseconds since 1970 UTC; ids of cases and alarms are 16-byte UUIDs.

One row per delivery, never one blob per case (CLUSTER, ENTRY). Rows are numbered in the order of time, so that a big
ledger is appended to, not searched through.
"""

from __future__ import annotations

import sqlalchemy as sa

#: Raised by one with each entry in ``migrations.STEPS``.
VERSION = 3

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

#: Alarms whose source gave an id: what makes them idempotent. ``cases`` is the JSON of the answer given.
alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("cases", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("alarms_at", alarms.c.at_ms)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("id", sa.LargeBinary(16), nullable=False),
    sa.Column("alarm_id", sa.LargeBinary(16), nullable=False),
    sa.Column("audience_id", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("opened_at_ms", sa.BigInteger, nullable=False),
    sa.Column("options", sa.Text, nullable=False),  # JSON: policy, ack_required, close_on_clear, close_after_s
    sa.Column("code", sa.Text),
    sa.Column("extra", sa.Text),  # JSON of the sets that are empty in most cases: acks, clears, repeats, owner …
    # Views kept for queries; the truth is the lattice above and the deliveries.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("closed_at_ms", sa.BigInteger),
    sa.Column("close_at_ms", sa.BigInteger),  # when it closes by itself if nobody acknowledges
    sa.Column("next_at_ms", sa.BigInteger),  # when the next step of its escalation is due
    # In a cluster: whether this node sends for it, and whether the other node may lack something of a closed one.
    sa.Column("mine", sa.SmallInteger, nullable=False, server_default="1"),
    sa.Column("unmirrored", sa.SmallInteger, nullable=False, server_default="0"),
)
sa.Index("cases_id", cases.c.id, unique=True)
sa.Index("cases_open_key", cases.c.key, sqlite_where=sa.text("key IS NOT NULL AND state <> 'closed'"))
sa.Index("cases_open_code", cases.c.code, sqlite_where=sa.text("code IS NOT NULL"))
sa.Index("cases_open", cases.c.state, sqlite_where=sa.text("state <> 'closed'"))
sa.Index("cases_closing", cases.c.close_at_ms, sqlite_where=sa.text("close_at_ms IS NOT NULL AND state <> 'closed'"))

sa.Index("cases_due", cases.c.mine, cases.c.next_at_ms, sqlite_where=sa.text("next_at_ms IS NOT NULL"))
sa.Index("cases_unmirrored", cases.c.seq, sqlite_where=sa.text("unmirrored = 1"))

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("case_seq", sa.BigInteger, nullable=False),
    sa.Column("cycle", sa.SmallInteger, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("recipient_id", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    # 0: tried before, its turn has come again; 1: new. Within a class the old ones go first, however long the queue.
    sa.Column("turn", sa.SmallInteger, nullable=False),
    sa.Column("rung", sa.SmallInteger, nullable=False),  # place in the recipient's ladder; 0 = first or parallel
    sa.Column("fact", sa.SmallInteger, nullable=False),
    sa.Column("attempt", sa.SmallInteger, nullable=False),
    sa.Column("phase", sa.SmallInteger, nullable=False),
    sa.Column("repeat", sa.SmallInteger, nullable=False),
    # Set from queueing until the outcome, so that the index changes twice in a delivery's life and not four times:
    # queued is phase 0 with a due time, sending phase 1 with one, held phase 0 without, held in doubt phase 1 without.
    sa.Column("due_at_ms", sa.BigInteger),
    sa.Column("expires_at_ms", sa.BigInteger),
    sa.Column("queued_at_ms", sa.BigInteger, nullable=False),
    sa.Column("sent_at_ms", sa.BigInteger),
    sa.Column("delivered_at_ms", sa.BigInteger),
    sa.Column("reference", sa.Text),
    sa.Column("carrier", sa.Text),  # modem or server that carried it, or failed last
    sa.Column("error", sa.Text),
    sa.Column("kind", sa.SmallInteger, nullable=False, server_default="0"),  # ``domain.delivery.Kind``
    sa.Column("mine", sa.SmallInteger, nullable=False, server_default="1"),  # as its case's
)
sa.Index("deliveries_asked", deliveries.c.address, deliveries.c.case_seq, sqlite_where=sa.text("kind = 1"))
sa.Index("deliveries_case", deliveries.c.case_seq)
sa.Index(
    "deliveries_due",
    deliveries.c.mine,
    deliveries.c.channel,
    deliveries.c["class"],
    deliveries.c.turn,
    deliveries.c.due_at_ms,
    sqlite_where=sa.text("due_at_ms IS NOT NULL"),
)
sa.Index(
    "deliveries_expiring",
    deliveries.c.expires_at_ms,
    sqlite_where=sa.text("expires_at_ms IS NOT NULL AND fact = 0"),
)
sa.Index(
    "deliveries_in_doubt",
    deliveries.c.channel,
    sqlite_where=sa.text("phase = 1 AND fact = 0 AND due_at_ms IS NULL"),
)
sa.Index(
    "deliveries_reference",
    deliveries.c.address,
    deliveries.c.reference,
    sqlite_where=sa.text("reference IS NOT NULL"),
)

#: Further codes of a case: two nodes gave it one each, or it took in another case of its key (CLUSTER, JOIN).
aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("case_seq", sa.BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("case_seq", sa.BigInteger),
    sa.Column("data", sa.Text),
)

received = sa.Table(
    "received",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("reference", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("carrier", sa.Text, nullable=False),
)

#: The last publishes taken without an id, in a ring of fixed size; see ``pipeline.redelivery``.
intake = sa.Table(
    "intake",
    metadata,
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
)

#: Small values sources keep with their alarms (``sdk.Mark``).
marks = sa.Table(
    "marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
