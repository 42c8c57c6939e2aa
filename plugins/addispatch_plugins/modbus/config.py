"""Configuration table ``[plugin.modbus]``: how registers are read together. Checked by the host."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from addispatch.sdk import PluginConfig


class ModbusConfig(PluginConfig):
    """The defaults suit nearly every device; the devices themselves are named by the monitors."""

    gap: Annotated[int, Field(ge=0, le=100)] = 8
    """So many registers nobody asked for are read along, to read two monitors in one request."""
    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    """Most registers of one request; some devices take fewer than the standard's 125. Bits: 16 times as many."""
    back_off_s: Annotated[float, Field(ge=1, le=600)] = 30
    """Longest pause between two tries to reach a device that does not answer."""
