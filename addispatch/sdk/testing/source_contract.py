"""What every source must do. Source authors subclass ``SourceContract`` in a test module and give the fixtures.

Needs pytest with pytest-asyncio in auto mode.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from addispatch.domain.alarm import Alarm
from addispatch.sdk.protocols import Source
from addispatch.sdk.testing.context import Intake, RecordingContext

#: How long to look for a confirmation that must not come.
QUIET_S = 0.3


class Stimulus(Protocol):
    """The outside world of a source: a publisher, a mail client, a phone."""

    async def raise_alarm(self) -> None:
        """Make the source raise one alarm; do not wait for the confirmation."""

    async def wait_confirmed(self, timeout_s: float) -> None:
        """Wait until the outside sees one more confirmation (PUBACK, 250, 202); ``TimeoutError`` if it does not."""

    async def offer_again(self) -> None:
        """Let the outside offer what was not confirmed once more, if the source does not retry by itself."""


class SourceContract:
    """The suite."""

    @pytest.fixture
    async def context(self, tmp_path: Path) -> AsyncIterator[RecordingContext]:
        """The host's side; its tasks end after the test."""
        async with RecordingContext(tmp_path) as context:
            yield context

    @pytest.fixture
    def instance(self) -> Any:
        """Override: a started plugin whose intake works."""
        raise NotImplementedError("override the fixture instance: a started plugin whose intake works")

    @pytest.fixture
    def stimulus(self) -> Stimulus:
        """Override: the outside world of the source."""
        raise NotImplementedError("override the fixture stimulus: the outside world of the source")

    async def test_is_a_source(self, instance: Any) -> None:
        """The protocol's members are there."""
        assert isinstance(instance, Source)

    async def test_an_accepted_alarm_is_confirmed(
        self, instance: Any, context: RecordingContext, stimulus: Stimulus
    ) -> None:
        """The plain case."""
        assert instance
        await stimulus.raise_alarm()
        alarm = await context.wait_for_alarm()
        assert isinstance(alarm, Alarm)
        assert alarm.source
        await stimulus.wait_confirmed(5)

    async def test_nothing_is_confirmed_before_it_is_durable(
        self, instance: Any, context: RecordingContext, stimulus: Stimulus
    ) -> None:
        """Law 1."""
        assert instance
        context.intake = Intake.HOLD
        await stimulus.raise_alarm()
        await context.wait_for_alarm()
        with pytest.raises(TimeoutError):
            await stimulus.wait_confirmed(QUIET_S)
        context.release()
        await stimulus.wait_confirmed(5)

    async def test_what_was_not_stored_is_not_confirmed_and_comes_again(
        self, instance: Any, context: RecordingContext, stimulus: Stimulus
    ) -> None:
        """A full disk must not lose an alarm."""
        assert instance
        context.intake = Intake.FAIL
        await stimulus.raise_alarm()
        first = await context.wait_for_alarm()
        with pytest.raises(TimeoutError):
            await stimulus.wait_confirmed(QUIET_S)
        context.intake = Intake.ACCEPT
        await stimulus.offer_again()
        again = await context.wait_for_alarm(timeout_s=15)
        assert again.text == first.text
        await stimulus.wait_confirmed(5)

    async def test_a_refused_alarm_is_confirmed(
        self, instance: Any, context: RecordingContext, stimulus: Stimulus
    ) -> None:
        """It was reported as an event; offering it for ever helps nobody."""
        assert instance
        context.intake = Intake.REFUSE
        await stimulus.raise_alarm()
        await context.wait_for_alarm()
        await stimulus.wait_confirmed(5)

    async def test_stop_ends_the_intake(self, instance: Any, context: RecordingContext, stimulus: Stimulus) -> None:
        """After ``stop`` the ledger closes: nothing may come any more. Stopping twice is fine."""
        await instance.stop()
        await instance.stop()
        try:
            await stimulus.raise_alarm()
        except (OSError, TimeoutError):
            return
        with pytest.raises(TimeoutError):
            await context.wait_for_alarm(timeout_s=QUIET_S)
