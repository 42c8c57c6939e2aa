"""Configuration table ``[plugin.mqtt]``. Everything that can be wrong is found here, not when an alarm comes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from addispatch.sdk import (
    MAX_NAME_CHARS,
    MAX_TO_COUNT,
    ConfigError,
    PluginConfig,
    Priority,
    Switch,
    Template,
    TemplateError,
    did_you_mean,
)
from addispatch_plugins.mqtt.topics import RESERVED, TopicFilter

#: Words a ``state`` may be, as PLCs say it.
RAISED_WORDS = frozenset({"raised", "true", "1", "on", "active"})
CLEARED_WORDS = frozenset({"cleared", "false", "0", "off", "inactive", "normal"})


def _template(value: Any) -> Template:
    if not isinstance(value, str):
        raise ValueError("must be text in quotes")  # noqa: TRY004 - pydantic turns only ValueError into a report
    try:
        return Template(value)
    except TemplateError as error:
        raise ValueError(str(error)) from None


def _topic(value: Any) -> TopicFilter:
    if not isinstance(value, str):
        raise ValueError("must be text in quotes")  # noqa: TRY004 - as above
    return TopicFilter.parse(value)


Text = Annotated[Template, PlainValidator(_template)]


def constant(template: Template | None) -> str | None:
    """Return the text of a template in which nothing is filled in."""
    if template is None or any(mark in template.source for mark in ("{{", "{%", "{#")):
        return None
    return template.source


class Subscription(BaseModel):
    """Table ``[[plugin.mqtt.subscribe]]``: which topics are alarms, and what they say.

    Without text, key, id and state a JSON object is taken as a native alarm (its keys are those of CONTRACT).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    topic: Annotated[TopicFilter, PlainValidator(_topic)]
    text: Text | None = None
    key: Text | None = None
    id: Text | None = None
    priority: Text | None = None
    state: Text | None = None
    source: Text | None = None
    to: tuple[Text, ...] = Field(default=(), max_length=MAX_TO_COUNT)
    ttl_s: float | None = Field(default=None, gt=0, le=31 * 86400)
    ack_required: Switch | None = None
    payload: Literal["auto", "json", "text", "number"] = "auto"
    retained: Literal["changed", "ignore", "always"] = "changed"
    qos: Literal[0, 1] = 1
    allow_to: Switch = False

    @property
    def is_native(self) -> bool:
        """Whether the keys of a JSON object are taken as they are."""
        return self.text is None and self.key is None and self.id is None and self.state is None

    @field_validator("text", "key", "id", "priority", "state", "source", "to")
    @classmethod
    def _known_names(cls, value: Template | tuple[Template, ...] | None, info: ValidationInfo) -> Any:
        if "topic" not in info.data:  # no good topic: its captures are not known
            return value
        known = RESERVED | {name for _, name in info.data["topic"].captures}
        for template in value if isinstance(value, tuple) else (value,) if value else ():
            for name in sorted(template.names - known):
                raise ValueError(f"{{{{ {name} }}}} names nothing the message has; {did_you_mean(name, known)}")
        return value

    @field_validator("key", "id", "source")
    @classmethod
    def _short_name(cls, value: Template | None) -> Template | None:
        word = constant(value)
        if word is not None and (len(word) > MAX_NAME_CHARS or not word.isprintable()):
            raise ValueError(f"has control characters or more than {MAX_NAME_CHARS} characters")
        return value

    @field_validator("priority")
    @classmethod
    def _known_priority(cls, value: Template | None) -> Template | None:
        word = constant(value)
        if word is not None and word not in tuple(Priority):
            raise ValueError(f"{word!r} is none of {', '.join(Priority)}")
        return value

    @field_validator("state")
    @classmethod
    def _known_state(cls, value: Template | None) -> Template | None:
        word = constant(value)
        if word is not None and word.lower() not in RAISED_WORDS | CLEARED_WORDS:
            raise ValueError(f"{word!r} is neither raised nor cleared")
        return value


class MqttConfig(PluginConfig):
    """Which broker, who we are to it, what is an alarm, and whether the state goes back."""

    url: SecretStr | None = None
    """``mqtt[s]://[user:password@]host[:port]``."""
    urls: tuple[SecretStr, ...] = ()
    """Several brokers, all connected at once."""
    user: str | None = None
    password: SecretStr | None = None
    client_id: str = Field(default="", max_length=200)
    """Who we are to the broker; the default is ``addispatch-<cluster>-<node>-intake``."""
    version: Literal[4, 5] = 4
    """MQTT 3.1.1 is 4."""
    keepalive_s: int = Field(default=15, ge=5, le=3600)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure: Switch = False
    """TLS without checking the broker's certificate."""
    topic_prefix: str = ""
    """Of the native topics; the default is ``addispatch/<cluster>``."""
    publish: Switch = True
    """Whether state and events go out."""
    canary_s: float = Field(default=60, ge=0, le=3600)
    """How often a message of our own is sent round each broker and must come back; 0: never."""
    held_max_count: int = Field(default=2000, ge=1, le=100_000)
    """Most alarms taken from a broker and not stored yet; above it nothing more is read."""
    shared: Switch = True
    """In a cluster: whether the other node hears the same topics, so that what both take is one alarm."""
    subscribe: tuple[Subscription, ...] = Field(default=(), max_length=200)

    @field_validator("topic_prefix")
    @classmethod
    def _plain_prefix(cls, value: str) -> str:
        if re.search(r"[+#\0{}]|^[$/]|/$|//", value) or len(value) > 100:
            raise ValueError("must be a topic without + # { }, not begin with / or $, not end with /")
        return value

    @field_validator("url", "urls")
    @classmethod
    def _addresses(cls, value: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        # Imported late: it brings paho-mqtt, and plugins that are off should cost nothing.
        from addispatch.sdk.mqtt import BrokerAddress  # noqa: PLC0415

        for url in value if isinstance(value, tuple) else (value,) if value else ():
            try:
                BrokerAddress.parse(url.get_secret_value())
            except ConfigError as error:
                raise ValueError(f"{error.problem}: {error.hint}") from None
        return value

    @field_validator("canary_s")
    @classmethod
    def _never_or_now_and_then(cls, value: float) -> float:
        if 0 < value < 1:
            raise ValueError("must be 0 (never) or at least 1")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.url) == bool(self.urls):
            raise ValueError('give one of url = "mqtt://host:1883" and urls = ["mqtt://a", "mqtt://b"]')
        if self.password is not None and self.user is None:
            raise ValueError("password is there, user is missing")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        addresses = self.urls or (self.url,)
        wants_tls = self.ca_file or self.cert_file or self.insecure
        if wants_tls and not any(url and url.get_secret_value().startswith("mqtts:") for url in addresses):
            raise ValueError("ca_file, cert_file and insecure are for TLS: begin the url with mqtts://")
        return self
