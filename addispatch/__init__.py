"""addispatch: the alert dispatcher for plants and homes."""

__version__ = "0.1.0"
