"""The ``mqtt`` plugin's instance: one link per broker, one intake, one publisher. Created by the host."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from addispatch.sdk import ConfigError, Finding
from addispatch.sdk.mqtt import BrokerAddress, MqttSettings, Publication, Tls
from addispatch_plugins.mqtt.door import Door
from addispatch_plugins.mqtt.intake import Intake
from addispatch_plugins.mqtt.publisher import Publisher, canary_topic, online_topic, topic_level
from addispatch_plugins.mqtt.silence import SilenceProbe

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.mqtt.config import MqttConfig


#: How long a broker may take to let us in when it is only looked at, in seconds.
VISIT_S = 8.0


class MqttPlugin:
    """Takes alarms from brokers and tells them the state."""

    def __init__(self, config: MqttConfig, context: Context) -> None:
        prefix = config.topic_prefix or f"addispatch/{context.cluster}"
        node = topic_level(context.node)
        self._config, self._context = config, context
        self._is_started = False
        self._tls = Tls(
            ca_file=config.ca_file, cert_file=config.cert_file, key_file=config.key_file, insecure=config.insecure
        )
        # A trial knows no cases: it would wipe the states that the daemon keeps at the broker.
        self._publisher = Publisher(context, prefix, node) if config.publish and not context.is_trial else None
        self._intake = Intake(config, context, prefix, self._publisher)
        urls = config.urls or ((config.url,) if config.url else ())
        will = Publication(online_topic(prefix, node), b"offline", 1, retain=True)
        self._doors = tuple(
            Door(
                self._settings(BrokerAddress.parse(url.get_secret_value()), will),
                context,
                self._intake,
                self._greet,
                is_first=index == 0,
                held_max_count=config.held_max_count,
                canary_topic=canary_topic(prefix, node),
                canary_s=config.canary_s if config.publish else 0,
            )
            for index, url in enumerate(urls)
        )

        self._silence = SilenceProbe(context, [_listening(door.link.settings) for door in self._doors])
        self.probes = (self._silence,)

    def _settings(self, address: BrokerAddress, will: Publication) -> MqttSettings:
        config, context = self._config, self._context
        client_id = config.client_id or f"addispatch-{context.cluster}-{context.node}-intake"
        if config.user is not None:
            password = config.password.get_secret_value() if config.password else None
            address = replace(address, user=config.user, password=password)
        return MqttSettings(
            address=address,
            # Not the daemon's id, which would throw the daemon out, and no session that fills up after the trial.
            client_id=f"{client_id}-try" if config.client_id and context.is_trial else client_id,
            version=config.version,
            clean=context.is_trial,
            keepalive_s=config.keepalive_s,
            tls=self._tls if address.tls else None,
            will=will if self._publisher is not None else None,
        )

    async def self_check(self) -> None:
        """Raise ``ConfigError`` for certificate files that cannot be used; an absent broker is no reason."""
        if self._tls == Tls():
            return
        try:
            await asyncio.to_thread(self._tls.context)
        except OSError as error:
            what = error.strerror or error
            raise ConfigError("ca_file, cert_file, key_file", f"cannot be used: {what}") from None

    async def start(self) -> None:
        """Begin to connect."""
        if self._publisher is not None:
            self._publisher.start(self._doors)
        self._context.supervise("acknowledgements", self._intake.acks.run)
        self._context.supervise("complaints", self._intake.complaints.run)
        for door in self._doors:
            self._context.supervise(f"link to {door.path}", door.link.run)
            self._context.supervise(f"canary of {door.path}", door.canary.run)
        self._is_started = True

    async def stop(self) -> None:
        """Read nothing more, let what is under way become durable, acknowledge it and say goodbye."""
        if self._publisher is not None:
            self._publisher.stop()
        await asyncio.gather(*(door.link.stop() for door in self._doors), self._silence.stop())
        self._intake.stop()
        self._intake.complaints.sum_up()

    def status_line(self) -> str:
        """Say how each broker is."""
        return "; ".join(door.status for door in self._doors)[:200]

    async def examine(self) -> list[Finding]:
        """Send a message round each broker; before the start by a connection made for that."""
        look = Door.examine if self._is_started else self._visit
        return list(await asyncio.gather(*(look(door) for door in self._doors)))

    async def _visit(self, door: Door) -> Finding:
        """Connect as ``start`` would, but without leaving a session behind."""
        if not self._context.is_trial:
            return Finding(f"broker {door.path}", problem="not started")
        self._context.supervise(f"look at {door.path}", door.link.run)
        try:
            async with asyncio.timeout(VISIT_S):
                await door.answered.wait()
        except TimeoutError:
            return Finding(f"broker {door.path}", problem=f"no answer within {VISIT_S:g} s")
        else:
            return await door.examine()
        finally:
            await door.link.stop()

    def _greet(self, door: Door) -> None:
        if self._publisher is not None:
            self._publisher.greet(door)


def _listening(settings: MqttSettings) -> MqttSettings:
    """The settings of a connection that only listens: another client, and no session that outlives it."""
    return replace(settings, client_id=f"{settings.client_id}-watch", clean=True, will=None)
