"""Monitors of the directory as users write them. Used by ``store.directory_models`` and ``store.directory_change``.

An entry has the keys of every monitor and, beside them, those of its probe, which its plugin brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from addispatch.config.explain import did_you_mean
from addispatch.domain.alarm import Priority
from addispatch.domain.judgement import LEVELS, Limit
from addispatch.domain.window import parse_window
from addispatch.store.directory_fields import Checks, Flag, Name, Reference, TemplateText, UpTo50, checked

Number = Annotated[float, Field(allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


def _window(text: str, _checks: Checks) -> str:
    parse_window(text)
    return text


Window = Annotated[str, Field(max_length=60), checked(_window)]


class MonitorEntry(BaseModel):
    """Looks at something at an interval and raises alarms. The keys of its probe stand beside these."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    name: Name
    probe: Annotated[str, Field(max_length=40)]
    enabled: Flag = True
    interval_s: Annotated[float, Field(ge=0.1, le=86_400, allow_inf_nan=False)] = 60
    timeout_s: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] = 5
    retries: Annotated[int, Field(ge=0, le=100)] = 2
    on_delay_s: Delay = 0
    off_delay_s: Delay = 0
    deadband: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    hihi: Number | None = None
    hi: Number | None = None
    lo: Number | None = None
    lolo: Number | None = None
    alarm_on: Flag | None = None
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    stale_after_s: Annotated[float, Field(gt=0, le=30 * 86_400, allow_inf_nan=False)] | None = None
    priority: Priority = Priority.HIGH
    priorities: dict[Limit, Priority] = {}
    parent: Annotated[Reference, BeforeValidator(lambda value: "" if value is None else value)] = ""
    to: UpTo50[Reference] = ()
    units: Annotated[str, Field(max_length=20)] = ""
    text: TemplateText = ""
    down_text: TemplateText = ""
    recovered_text: TemplateText = ""
    maintenance: UpTo50[Window] = ()

    @field_validator("hi", "lo", "lolo")
    @classmethod
    def _below_the_one_above(cls, value: float | None, info: ValidationInfo) -> float | None:
        """By field and not for the whole: it is said whatever else is wrong, and with the name of the field."""
        if value is None or info.context is None:
            return value
        for above in reversed(LEVELS[: LEVELS.index(Limit(str(info.field_name)))]):
            if (high := info.data.get(above.value)) is not None:
                if value >= high:
                    raise ValueError(f"{value:g} must be less than {above.value} ({high:g})")
                break
        return value


@lru_cache(maxsize=64)
def _whole(keys: type[BaseModel]) -> type[BaseModel]:
    """A monitor together with the keys of one probe; unknown keys are mistakes."""

    class Whole(MonitorEntry, keys):  # type: ignore[valid-type, misc]
        model_config = ConfigDict(extra="forbid")

    return Whole


def monitor_model(entry: Any, probes: Mapping[str, type[BaseModel]] | None) -> type[BaseModel]:
    """Return the model an entry is checked by; raises ``ValueError`` if there is no such probe."""
    name = entry.get("probe") if isinstance(entry, Mapping) else None
    if probes is None or not isinstance(name, str):
        return MonitorEntry
    if name not in probes:
        raise ValueError(f"{name!r} is a probe of no plugin here ({did_you_mean(name, probes) or 'none provides any'})")
    return _whole(probes[name])


def own_keys() -> frozenset[str]:
    """The keys every monitor has; the others are its probe's."""
    return frozenset(MonitorEntry.model_fields)
