"""``addispatch demo``: one story on the terminal, with a real broker, the real gammu and simulated everything else."""

from addispatch.demo.play import main

__all__ = ["main"]
