"""The entries of the directory as users write them: ``directory.toml``, JSON, the API (docs/directory.md has each key).

References are names at the edge and ids once stored. Used by ``store.directory_change`` for what comes in and by
``store.directory_book`` for what was stored.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from addispatch.domain.addressbook import Mode
from addispatch.domain.alarm import Priority
from addispatch.domain.policy import EXEMPT_KEYWORDS, FIRST_AFTER_MINUTES, FOOTNOTE, NEXT_AFTER_MINUTES, PolicyKind
from addispatch.store.directory_fields import (
    AudienceName,
    Channel,
    ChatUrl,
    Email,
    Flag,
    Language,
    Line,
    Name,
    Number,
    PersonName,
    Reference,
    ShortCode,
    TemplateText,
    TimeOfDay,
    TopicFilter,
    UpTo10,
    UpTo50,
    UpTo10000,
)

#: Most entries per table.
MAX_ENTRIES = {"recipient": 10_000, "group": 2_000, "policy": 500, "template": 500, "route": 1_000}

Seconds = Annotated[float, Field(gt=0, le=30 * 86_400, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, le=24 * 365, allow_inf_nan=False)]
Minutes = Annotated[float, Field(ge=0, le=7 * 1_440, allow_inf_nan=False)]


class Entry(BaseModel):
    """Base of all entries: immutable, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class RecipientEntry(Entry):
    """A person or a desk."""

    name: PersonName
    sms: Number = ""
    phone: Number = ""
    email: UpTo10[Email] = ()
    chat: UpTo10[ChatUrl] = ()
    language: Language = ""
    department: Line = ""
    enabled: Flag = True
    policy: Reference = ""
    channels: UpTo10[Channel] = ()
    mode: Mode = Mode.PARALLEL
    step_after_s: Seconds | None = None


class GroupEntry(Entry):
    """A named set of recipients."""

    name: AudienceName
    members: UpTo10000[Reference] = ()
    policy: Reference = ""


class LevelEntry(Entry):
    """One escalation level; ``after_minutes`` None becomes the default of its place."""

    after_minutes: Minutes | None = None
    to: UpTo50[Reference] = ()
    call: UpTo50[Reference] = ()
    resend: Flag = False

    @property
    def is_empty(self) -> bool:
        """Whether the level asks nobody."""
        return not (self.to or self.call or self.resend)


class PolicyEntry(Entry):
    """Who must acknowledge, and what happens until someone does. None leaves the choice to the engine (SPEC 5.5)."""

    name: Name
    kind: PolicyKind = PolicyKind.BASIC
    level: Annotated[tuple[LevelEntry, ...], Field(max_length=10)] = ()
    max_send_wait_s: Seconds = 120
    repeat: Annotated[int, Field(ge=0, le=100)] = 0
    footnote: Line = FOOTNOTE
    allow_email_reply: Flag | None = None
    append_link: Flag | None = None
    ack_any_acks_all: Flag = False
    exempt_keywords: UpTo50[Line] = EXEMPT_KEYWORDS
    notify_contacted: Flag = True
    continue_unsent: Flag = False
    answer_acks: Flag = True
    close_on_clear: Flag = True
    keyword_clears: Flag = False
    repeat_on_takeover: Flag | None = None
    renotify_after_s: Seconds | None = None
    close_after_h: Hours = 72

    @field_validator("footnote")
    @classmethod
    def _names_the_code(cls, footnote: str) -> str:
        if footnote and "{CODE}" not in footnote:
            raise ValueError("must contain {CODE}, or be empty for none")
        return footnote

    @field_validator("exempt_keywords")
    @classmethod
    def _are_words(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in keywords:
            if not any(char.isalnum() for char in keyword):
                raise ValueError(f"{keyword!r} is no word")
        return keywords

    @model_validator(mode="after")
    def _rounds_take_time(self) -> Self:
        minutes = sum(level.after_minutes or 0 for level in self.level if not level.is_empty)
        if self.repeat and self.level and not minutes:
            raise ValueError("repeat needs levels that wait: give one of them after_minutes")
        return self

    @field_validator("level")
    @classmethod
    def _place(cls, levels: tuple[LevelEntry, ...], info: ValidationInfo) -> tuple[LevelEntry, ...]:
        """Give each level its wait; an empty level ends the chain, so none may stand before a filled one."""
        filled = [not level.is_empty for level in levels]
        if info.context is not None and sorted(filled, reverse=True) != filled:
            raise ValueError(f"level {filled.index(False) + 1} tells nobody, but a later one does")
        defaults = (FIRST_AFTER_MINUTES, *(NEXT_AFTER_MINUTES,) * len(levels))
        return tuple(
            level if level.after_minutes is not None else level.model_copy(update={"after_minutes": default})
            for level, default in zip(levels, defaults, strict=False)
        )


class TemplateEntry(Entry):
    """A named text template."""

    name: Name
    text: Annotated[TemplateText, Field(min_length=1)]
    subject: TemplateText = ""
    max_segments: Annotated[int, Field(ge=1, le=20)] = 4


class MatchEntry(Entry):
    """What a route asks of an alarm; empty fields match everything."""

    source: Line = ""
    topic: TopicFilter = ""
    text: Line = ""
    key: Line = ""
    priority: UpTo10[Priority] = ()


class RouteEntry(Entry):
    """Sends matching alarms to audiences. One without any would swallow alarms silently, so it needs one."""

    name: Name
    match: MatchEntry = MatchEntry()
    to: Annotated[UpTo50[Reference], Field(min_length=1)]
    continue_: Flag = Field(default=False, alias="continue")
    template: Reference = ""
    channels: UpTo10[Channel] = ()


class SettingsEntry(Entry):
    """Settings of the whole directory; there is one such entry."""

    system_alert_to: UpTo50[Reference] = ()
    heartbeat_at: TimeOfDay = ""
    pause_remind_s: Seconds = 900
    retention_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    link_ttl_h: Hours = 72
    anyone_may_ack: Flag = False
    short_codes: Annotated[tuple[ShortCode, ...], Field(max_length=200)] = ()


class LinkKeyEntry(BaseModel):
    """A key that signs acknowledge tokens (``domain.token``): ``secret`` is 32 bytes as hexadecimal.

    The greatest ``serial`` signs. Being data of the directory it replicates with it; nobody sees or edits it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str
    serial: Annotated[int, Field(ge=1)]
    secret: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]


#: The tables by name, in the order of a document.
MODELS: dict[str, type[Entry]] = {
    "settings": SettingsEntry,
    "recipient": RecipientEntry,
    "group": GroupEntry,
    "policy": PolicyEntry,
    "template": TemplateEntry,
    "route": RouteEntry,
}
#: The one table that is a single entry, and that entry's name.
SETTINGS = "settings"
#: A table that is stored and replicated like the others, and never shown, exported or edited.
LINK_KEY = "link_key"
#: All tables there are on the disk.
STORED: dict[str, type[BaseModel]] = {**MODELS, LINK_KEY: LinkKeyEntry}
