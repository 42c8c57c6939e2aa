"""Types of single fields in the directory: names, numbers, addresses, patterns. Used by ``store.directory_models``.

A check here runs only with a ``Checks`` context, that is on what users write: an entry that was stored once stays
readable, whatever a later version thinks of its name or number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, Strict, ValidationInfo

from addispatch.config.explain import did_you_mean
from addispatch.domain.addressbook import DEFAULT_GROUP
from addispatch.domain.errors import ConfigError
from addispatch.runtime.numbers import normalize_number
from addispatch.runtime.template import Template, TemplateError

MAX_NAME_CHARS = 100
#: Channels that are spoken of before there is a plugin for each: these names are right on every node.
CHANNELS = frozenset({"sms", "email", "chat", "webhook", "mqtt", "forward", "log"})
MAX_LINE_CHARS = 200

#: Signs with a meaning where audiences are written: ``a@b`` is an address, the others separate names in lists.
_NAME_SIGNS = "@,;|"
#: Joiners are letters to several scripts; all other format characters only hide what a name says.
_JOINERS = "\u200c\u200d"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{}~-]+"
#: Voice is left out on purpose: it is used by a policy's ``call`` only (SPEC 1).
_CHANNEL = re.compile(r"(?!voice$)[a-z][a-z0-9_-]{0,39}")
_EMAIL = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@{_LABEL}(?:\.{_LABEL})*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checks:
    """What checking takes: the region of national numbers, the short codes of this site, the channels of its plugins.

    ``channels`` is asked only about names beyond ``CHANNELS``; it answers None if it cannot tell.
    """

    region: str
    short_codes: frozenset[str] = frozenset()
    channels: Callable[[], frozenset[str] | None] = lambda: None


def spelled(name: str) -> str:
    """Return the one spelling of a name: composed accents (NFC), single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def folded(name: str) -> str:
    """Return what two names have in common if they are the same to a reader: see SPEC 1, case-insensitive."""
    return spelled(name).casefold()


def _checked(check: Callable[[str, Checks], str]) -> AfterValidator:
    def run(value: str, info: ValidationInfo) -> str:
        return value if info.context is None else check(value, info.context)

    return AfterValidator(run)


def _matching(pattern: str, problem: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def run(value: str, _checks: Checks) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(problem)
        return value

    return _checked(run)


def _line(value: str, _checks: Checks) -> str:
    for sign in value:
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(f"has a control character (U+{ord(sign):04X})")
    return value


def _text(value: str, checks: Checks) -> str:
    _line(value.replace("\n", "").replace("\t", ""), checks)
    return value


def _name(value: str, checks: Checks) -> str:
    _line(value, checks)
    if hidden := [sign for sign in value if unicodedata.category(sign) == "Cf" and sign not in _JOINERS]:
        raise ValueError(f"has an invisible character (U+{ord(hidden[0]):04X})")
    name = spelled(value)
    if not name:
        raise ValueError("is empty")
    return name


def _audience_name(value: str, checks: Checks) -> str:
    name = _name(value, checks)
    if found := [sign for sign in _NAME_SIGNS if sign in name]:
        raise ValueError(f"may not contain {found[0]!r}")
    if not any(unicodedata.category(sign)[0] in "LS" and sign != "+" for sign in name):
        raise ValueError(f"{name!r} looks like a phone number (use at least one letter)")
    return name


def _person_name(value: str, checks: Checks) -> str:
    name = _audience_name(value, checks)
    if name.casefold() == DEFAULT_GROUP:
        raise ValueError(f"{name!r} is reserved for the group that takes alarms no route takes")
    if name.casefold() == "all":
        raise ValueError(f"{name!r} means everybody when acknowledging, so it cannot be one person")
    return name


def _number(value: str, checks: Checks) -> str:
    if not value.strip():
        return ""
    try:
        return normalize_number(value, checks.region, checks.short_codes)
    except ConfigError as error:
        raise ValueError(f"{error.problem} ({error.hint})" if error.hint else error.problem) from None


def _email(value: str, _checks: Checks) -> str:
    address = value.strip()
    match = _EMAIL.fullmatch(address)
    if match is None or len(match["local"]) > 64 or len(address) > 254:
        raise ValueError(f"{value!r} is no mail address (name@host, ASCII only)")
    return address


def _channel(value: str, checks: Checks) -> str:
    if not _CHANNEL.fullmatch(value):
        raise ValueError("is no channel such as sms, email or chat (voice: a level's call)")
    if value not in CHANNELS and (known := checks.channels()) is not None and value not in known:
        options = (CHANNELS | known) - {"voice"}
        raise ValueError(f"{value!r} is a channel of no plugin here ({did_you_mean(value, options)})")
    return value


def _template(value: str, checks: Checks) -> str:
    _text(value, checks)
    try:
        Template(value)
    except TemplateError as error:
        raise ValueError(f"does not compile: {error}") from None
    return value


def _topic_filter(value: str, checks: Checks) -> str:
    """MQTT 3.1.1, 4.7.1: ``#`` only as the whole last level, ``+`` only as a whole level."""
    _line(value, checks)
    levels = value.split("/")
    if any("#" in level and (level != "#" or index < len(levels) - 1) for index, level in enumerate(levels)):
        raise ValueError(f"{value!r}: # must be the whole last level, as in plant/#")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"{value!r}: + must be a whole level, as in plant/+/alarm")
    return value


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


Name = Annotated[str, Field(max_length=MAX_NAME_CHARS), _checked(_name)]
AudienceName = Annotated[str, Field(max_length=MAX_NAME_CHARS), _checked(_audience_name)]
PersonName = Annotated[str, Field(max_length=MAX_NAME_CHARS), _checked(_person_name)]
#: The name of another entry; empty means none. What it must name says ``directory_refs``.
Reference = Annotated[str, Field(max_length=MAX_NAME_CHARS)]
#: E.164 or a listed short code after the check; empty means none.
Number = Annotated[str, Field(max_length=40), _checked(_number)]
ShortCode = Annotated[str, _matching("[0-9]{3,8}", "must be 3 to 8 digits")]
Email = Annotated[str, Field(max_length=300), _checked(_email)]
ChatUrl = Annotated[
    str, Field(max_length=500), _matching(r"[a-z][a-z0-9+.-]*://[!-{}~]+", "is no URL such as scheme://host/path")
]
Language = Annotated[str, _matching(r"|[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", "is no language such as en or pt-BR")]
Channel = Annotated[str, _checked(_channel)]
#: ``true`` or ``false``, no text or number that looks like it.
Flag = Annotated[bool, Strict()]
TimeOfDay = Annotated[str, _matching(r"|([01][0-9]|2[0-3]):[0-5][0-9]", "is no time of day such as 07:30")]
Line = Annotated[str, Field(max_length=MAX_LINE_CHARS), _checked(_line)]
TemplateText = Annotated[str, Field(max_length=4_000), _checked(_template)]
TopicFilter = Annotated[str, Field(max_length=1_000), _checked(_topic_filter)]

#: Lists, without repetitions.
UpTo10 = Annotated[tuple[T, ...], Field(max_length=10), AfterValidator(_unique)]
UpTo50 = Annotated[tuple[T, ...], Field(max_length=50), AfterValidator(_unique)]
UpTo10000 = Annotated[tuple[T, ...], Field(max_length=10_000), AfterValidator(_unique)]
