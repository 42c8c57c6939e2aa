"""Stand-ins for the hardware and servers around addispatch: for the demo, the tests and users without a modem."""

from addispatch.simulator.call import WhenCalled
from addispatch.simulator.modem import ModemCall, SentMessage, SimulatedModem
from addispatch.simulator.network import Network
from addispatch.simulator.phone import Phone, PhoneCall, PhoneMessage
from addispatch.simulator.thread import SimulatorThread, simulator_thread

__all__ = [
    "ModemCall",
    "Network",
    "Phone",
    "PhoneCall",
    "PhoneMessage",
    "SentMessage",
    "SimulatedModem",
    "SimulatorThread",
    "WhenCalled",
    "simulator_thread",
]
