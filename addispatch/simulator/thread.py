"""The simulator for synchronous code: it runs in a thread with a loop of its own.

Used by tests and programs that block, such as those that call gammu directly.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

P = ParamSpec("P")
T = TypeVar("T")


class SimulatorThread:
    """A network whose loop runs elsewhere: touch it only through ``run`` and ``call``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, network: Network) -> None:
        self._loop, self.network = loop, network
        self._modems: list[SimulatedModem] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine: ``sim.run(phone.expect("…"))``."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the loop: ``sim.call(modem.fault, "silent")``."""

        async def do() -> T:
            return function(*args, **kwargs)

        return self.run(do())

    def modem(self, number: str = "+6590000001", **options: Any) -> SimulatedModem:
        """Start a modem with the options of :class:`SimulatedModem`; it stops with the thread."""
        modem = SimulatedModem(self.network, number, **options)
        self.run(modem.start())
        self._modems.append(modem)
        return modem

    def stop(self) -> None:
        """Stop the modems."""
        for modem in reversed(self._modems):
            self.run(modem.stop())


@contextmanager
def simulator_thread(network: Network | None = None) -> Iterator[SimulatorThread]:
    """Run a simulated network beside the calling code."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    simulator = SimulatorThread(loop, network or Network())
    try:
        yield simulator
    finally:
        simulator.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
