"""What ``addispatch.toml`` may contain (docs: config/addispatch.toml). Built by ``config.loading``, read by the app.

The tables ``[plugin.<name>]`` stay plain here: each plugin brings its own model, which ``addispatch.host`` applies.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    Strict,
    ValidationInfo,
    field_validator,
    model_validator,
)

from addispatch.domain.alarm import Priority
from addispatch.domain.errors import ConfigError


def _name(text: str) -> str:
    # Names end up in MQTT topics, file names and log lines.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise ValueError("must be 1 to 64 letters, digits, - _ or . and begin with a letter or digit")
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone: write it as Asia/Singapore, Europe/Berlin or UTC") from None
    return text


def _region(text: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - heavy, and most leave the default

    if text not in SUPPORTED_REGIONS:
        raise ValueError("is no country: write two capital letters, for example SG")
    return text


def _listen(text: str) -> str:
    if text and split_address(text) is None:
        raise ValueError("must be address:port, for example 127.0.0.1:5556 or [::1]:5556; empty opens no port")
    return text


def _ack_listen(text: str, info: ValidationInfo) -> str:
    if text and text == info.data.get("listen"):
        raise ValueError("must differ from listen, which shows the same pages already; empty opens no second port")
    return _listen(text)


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    return text.rstrip("/")


def _store_url(text: str) -> str:
    if not re.fullmatch(r"sqlite:///[^?#]+", text):
        raise ValueError("must be sqlite:///FILE, for example sqlite:///ledger.db")
    return text


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path.cwd())
    return Path(folder, path.expanduser())


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


def split_address(text: str) -> tuple[str, int] | None:
    """Split ``127.0.0.1:5556`` or ``[::1]:5556`` into host and port; None if it is neither."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/]+)):([0-9]{1,5})", text)
    if match is None or not 0 < int(match[3]) < 65536:
        return None
    return match[1] or match[2], int(match[3])


_FilePath = Annotated[Path, AfterValidator(_beside_the_file)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)


class NodeConfig(_Table):
    """``[node]``: who this node is and where it lives. A relative ``data_dir`` is beside the configuration file."""

    name: Annotated[str, AfterValidator(_name)] = "node-a"
    cluster: Annotated[str, AfterValidator(_name)] = "default"
    data_dir: _FilePath = Path("/var/lib/addispatch")
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    default_region: Annotated[str, AfterValidator(_region)] = "SG"


class HttpConfig(_Table):
    """``[http]``: the TCP listener of the API; the CLI's unix socket in the data directory is always there.

    ``ack_listen`` is a second listener that has the pages of acknowledge links and nothing else. ``ready_needs`` are
    channels without which the node is not ready.
    """

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:5556"
    public_url: Annotated[str, AfterValidator(_web_url)] = "http://localhost:5556"
    ack_listen: Annotated[str, AfterValidator(_ack_listen)] = ""
    ready_needs: Annotated[tuple[Annotated[str, AfterValidator(_name)], ...], Field(max_length=20)] = ()

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on, or None when no port is to be opened."""
        return split_address(self.listen)

    @property
    def ack_address(self) -> tuple[str, int] | None:
        """Host and port of the listener for links alone, or None."""
        return split_address(self.ack_listen)


class StoreConfig(_Table):
    """``[store]``: where the ledger is; a relative file is in ``data_dir``."""

    url: Annotated[str, AfterValidator(_store_url)] = "sqlite:///ledger.db"


class PluginsConfig(_Table):
    """``[plugins]``: the drop-in folder (none = off) and whether its files may replace installed plugins."""

    folder: Annotated[_FilePath | None, BeforeValidator(_none_if_empty)] = None
    replace: Annotated[bool, Strict()] = False


class InDoubtConfig(_Table):
    """``[dispatch.in_doubt]``: what to do, per priority, with a text that may or may not have left."""

    critical: Literal["resend", "hold"] = "resend"
    high: Literal["resend", "hold"] = "resend"
    medium: Literal["resend", "hold"] = "resend"
    low: Literal["resend", "hold"] = "resend"

    def resends(self, priority: Priority) -> bool:
        """Tell whether a text of that priority is sent again, marked "(repeat)"."""
        return bool(getattr(self, priority.value) == "resend")


class DispatchConfig(_Table):
    """``[dispatch]``: retry and expiry. The pause doubles from ``retry_first_s`` to ``retry_longest_s``."""

    retry_first_s: Annotated[float, Field(gt=0, le=3600)] = 2
    retry_longest_s: Annotated[float, Field(gt=0, le=86400)] = 60
    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 10
    default_ttl_s: Annotated[float, Field(gt=0)] | None = None
    in_doubt: InDoubtConfig = InDoubtConfig()

    @model_validator(mode="after")
    def _grows(self) -> Self:
        first_s, longest_s = self.retry_first_s, self.retry_longest_s
        if longest_s < first_s:
            raise ValueError(f"retry_longest_s ({longest_s:g}) must be at least retry_first_s ({first_s:g})")
        return self


class LimitsConfig(_Table):
    """``[limits]``: longest text that leaves, in SMS segments; longer ones are cut and end in ``...``.

    Free space on the ledger's disk, in MiB: below ``disk_floor_mib`` new alarms are refused, below ``disk_low_mib``
    the status warns; 0 never warns.
    """

    max_segments: Annotated[int, Field(ge=1, le=20)] = 6
    disk_floor_mib: Annotated[int, Field(ge=0, le=1_000_000)] = 64
    disk_low_mib: Annotated[int, Field(ge=0, le=1_000_000)] = 512

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if 0 < self.disk_low_mib < self.disk_floor_mib:
            raise ValueError(
                f"disk_low_mib ({self.disk_low_mib}) must be at least disk_floor_mib ({self.disk_floor_mib})"
            )
        return self


class LogConfig(_Table):
    """``[log]``: how much the daemon logs to standard error, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class ClusterConfig(_Table):
    """``[cluster]``: the other node, the brokers between. ``role`` is where a new pair begins; then the store knows."""

    role: Literal["master", "slave"]
    mode: Literal["active/active", "active/passive"] = "active/active"
    mirror: Annotated[bool, Strict()] = True
    strict: Annotated[bool, Strict()] = False
    brokers: Annotated[tuple[str, ...], Field(min_length=1, max_length=8, repr=False)]
    key: SecretStr
    user: Annotated[str, Field(max_length=200)] | None = None
    password: SecretStr | None = None
    ca_file: _FilePath | None = None
    cert_file: _FilePath | None = None
    key_file: _FilePath | None = None
    insecure: Annotated[bool, Strict()] = False
    hb_s: Annotated[float, Field(ge=0.05, le=10)] = 0.25
    t_dead_s: Annotated[float, Field(ge=0.15, le=120)] = 1.5
    t_settle_s: Annotated[float, Field(ge=0, le=300)] = 2.5
    t_mirror_s: Annotated[float, Field(ge=0.05, le=30)] = 0.5
    max_age_h: Annotated[float, Field(ge=1, le=24 * 31)] = 24
    number: Annotated[str, Field(pattern=r"^(\+?[0-9 ]{3,20})?$")] = ""

    @field_validator("brokers")
    @classmethod
    def _distinct_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Imported late: it brings paho-mqtt, which a single node may do without.
        from addispatch.runtime.mqtt_client import BrokerAddress  # noqa: PLC0415

        seen: set[str] = set()
        wrong: list[str] = []
        for number, url in enumerate(value, 1):
            try:
                address = str(BrokerAddress.parse(url))
            except ConfigError as error:
                wrong.append(f"number {number} {error.problem}: {error.hint}")
                continue
            if address in seen:
                wrong.append(f"{address} is there twice")
            seen.add(address)
        if wrong:
            raise ValueError("; ".join(wrong))
        return value

    @field_validator("key")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        from addispatch.cluster.keyring import Keyring  # noqa: PLC0415 - only clusters have one

        try:
            Keyring.parse(value.get_secret_value())
        except ConfigError as error:
            raise ValueError(f"{error.problem}: {error.hint}") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.t_dead_s < 3 * self.hb_s:
            raise ValueError(f"t_dead_s ({self.t_dead_s:g}) must be at least three times hb_s ({self.hb_s:g})")
        if self.strict and not self.mirror:
            raise ValueError("strict needs mirror: without it the other node holds no copy of an alarm")
        if self.password is not None and self.user is None:
            raise ValueError("password is there, user is missing")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if (self.ca_file or self.cert_file or self.insecure) and not any(u.startswith("mqtts:") for u in self.brokers):
            raise ValueError("ca_file, cert_file and insecure are for TLS: begin the brokers with mqtts://")
        return self


def _with_own_name(cluster: ClusterConfig | None, info: ValidationInfo) -> ClusterConfig | None:
    # Without [node] there is an error of its own already, or it is the default, which names both nodes alike.
    node = info.data.get("node")
    if cluster is not None and node is not None and "name" not in node.model_fields_set:
        raise ValueError("needs a name for this node, different from the other's: set name in [node]")
    return cluster


class Config(_Table):
    """The whole file. ``Config()`` is a node with every default and no plugin on."""

    node: NodeConfig = NodeConfig()
    http: HttpConfig = HttpConfig()
    store: StoreConfig = StoreConfig()
    plugins: PluginsConfig = PluginsConfig()
    dispatch: DispatchConfig = DispatchConfig()
    limits: LimitsConfig = LimitsConfig()
    log: LogConfig = LogConfig()
    cluster: Annotated[ClusterConfig | None, AfterValidator(_with_own_name)] = None
    plugin: dict[str, dict[str, Any]] = {}
