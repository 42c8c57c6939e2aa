"""The rules of alerting as pure values and functions: no I/O, no clock, no imports beyond the standard library."""
