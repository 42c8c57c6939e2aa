"""The contract of probes: keys are strict, and anything with the right methods is a probe."""

from __future__ import annotations

import pytest
from probes import DialKeys, Dials
from pydantic import ValidationError

from addispatch.sdk import Hearer, Probe


def test_unknown_keys_are_mistakes():
    with pytest.raises(ValidationError):
        DialKeys(dial="a", dail="b")


def test_what_has_its_methods_is_a_probe():
    assert isinstance(Dials.__new__(Dials), Probe)
    assert not isinstance(object(), Probe)


def test_one_that_hears_has_a_method_for_it():
    class Hearing(Dials):
        def heard(self, monitor):
            pass

    assert isinstance(Hearing.__new__(Hearing), Hearer)
    assert not isinstance(Dials.__new__(Dials), Hearer)
