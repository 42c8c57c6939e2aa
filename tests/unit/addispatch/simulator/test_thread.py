"""The simulator beside blocking code."""

from __future__ import annotations

import os
import threading

import pytest

from addispatch.simulator import simulator_thread


def test_blocking_code_uses_the_port() -> None:
    before = threading.active_count()
    with simulator_thread() as sim:
        modem = sim.modem("+6590000001", pin=None)
        fd = os.open(modem.port, os.O_RDWR | os.O_NOCTTY)
        os.write(fd, b"ATE0\r")
        assert os.read(fd, 100)
        phone = sim.call(sim.network.phone, "+6591234567")
        sim.run(phone.send(modem.number, "hi"))
        with pytest.raises(AssertionError, match="no SMS"):
            sim.run(phone.expect("never", timeout_s=0.05))
        sim.call(modem.fault, "error", command="CSQ")
        os.close(fd)
    assert threading.active_count() == before
