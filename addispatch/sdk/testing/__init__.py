"""The kit for plugin authors: run a plugin without a daemon and hold it to its contract.

``RecordingContext`` stands in for the host. The suites to subclass are in ``channel_contract``, ``source_contract`` and
``plugin_contract``; only those need pytest.
"""

from addispatch.sdk.testing.clock import FakeClock
from addispatch.sdk.testing.context import Intake, RecordedEvent, RecordingContext
from addispatch.sdk.testing.deliveries import make_delivery
from addispatch.sdk.testing.operations import EmptyOperations
from addispatch.sdk.testing.recording import Recording

__all__ = ["EmptyOperations", "FakeClock", "Intake", "RecordedEvent", "Recording", "RecordingContext", "make_delivery"]
