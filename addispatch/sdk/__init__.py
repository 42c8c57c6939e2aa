"""Everything a plugin may import: the contract between addispatch and its plugins.

A plugin is one frozen :class:`Plugin` object, found by an entry point in the group ``addispatch.plugins`` (or as a
file in the drop-in folder). Built-in plugins use nothing that is not here.
"""

from addispatch.config.explain import did_you_mean
from addispatch.domain.alarm import MAX_NAME_CHARS, MAX_TO_COUNT, Alarm, AlarmState, Mark, Priority, QueueClass
from addispatch.domain.errors import (
    AddispatchError,
    ConfigError,
    ConfigErrors,
    DeliveryError,
    PluginError,
    Refused,
    StoreError,
)
from addispatch.domain.judgement import Reading
from addispatch.domain.message import Delivery, DeliveryReport, Incoming
from addispatch.domain.receipt import InDoubt, Permanent, Receipt, Sent, Temporary
from addispatch.domain.result import Accepted, CaseRef
from addispatch.domain.text import fold_to_gsm7, is_gsm7, segment_count
from addispatch.runtime.clock import Clock
from addispatch.runtime.numbers import normalize_number
from addispatch.runtime.template import Template, TemplateError
from addispatch.sdk.config import PluginConfig, Switch
from addispatch.sdk.context import Context, Severity
from addispatch.sdk.operations import Operations
from addispatch.sdk.plugin import API_VERSION, Capability, Instance, Plugin
from addispatch.sdk.probe import Explainer, Hearer, Probe, ProbeKeys
from addispatch.sdk.protocols import (
    Channel,
    Examiner,
    Finding,
    Health,
    ModemReporter,
    Refuser,
    Reserving,
    Source,
    StatusReporter,
)
from addispatch.sdk.silence import Silences
from addispatch.sdk.threads import in_thread
from addispatch.sdk.web import web_address

__all__ = [
    "API_VERSION",
    "MAX_NAME_CHARS",
    "MAX_TO_COUNT",
    "Accepted",
    "AddispatchError",
    "Alarm",
    "AlarmState",
    "Capability",
    "CaseRef",
    "Channel",
    "Clock",
    "ConfigError",
    "ConfigErrors",
    "Context",
    "Delivery",
    "DeliveryError",
    "DeliveryReport",
    "Examiner",
    "Explainer",
    "Finding",
    "Health",
    "Hearer",
    "InDoubt",
    "Incoming",
    "Instance",
    "Mark",
    "ModemReporter",
    "Operations",
    "Permanent",
    "Plugin",
    "PluginConfig",
    "PluginError",
    "Priority",
    "Probe",
    "ProbeKeys",
    "QueueClass",
    "Reading",
    "Receipt",
    "Refused",
    "Refuser",
    "Reserving",
    "Sent",
    "Severity",
    "Silences",
    "Source",
    "StatusReporter",
    "StoreError",
    "Switch",
    "Template",
    "TemplateError",
    "Temporary",
    "did_you_mean",
    "fold_to_gsm7",
    "in_thread",
    "is_gsm7",
    "normalize_number",
    "segment_count",
    "web_address",
]
