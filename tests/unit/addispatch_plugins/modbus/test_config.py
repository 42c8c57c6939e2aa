"""``[plugin.modbus]``."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from addispatch_plugins.modbus.config import ModbusConfig


def test_an_empty_table_is_enough():
    assert ModbusConfig().max_registers == 125


@pytest.mark.parametrize("wrong", [{"gap": -1}, {"max_registers": 126}, {"max_registers": 0}, {"back_off_s": 0}])
def test_limits(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ModbusConfig(**wrong)
