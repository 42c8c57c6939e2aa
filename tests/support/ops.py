"""The people most daemons of the tests have: Adam is in ``Ops`` and in ``Critical``, from where it goes on to Jane."""

from __future__ import annotations

BY_LOG = 'channels = ["log"]'


def by_mail(name: str) -> str:
    return f'email = ["{name.lower()}@plant.example"]'


def directory(after_minutes: float, *, adam: str = BY_LOG, jane: str = BY_LOG, policy: str = "") -> str:
    """``after_minutes``: when Jane hears. ``adam`` and ``jane``: how they are reached; ``policy``: more keys of it."""
    return f"""
[[recipient]]
name = "Adam"
{adam}
[[recipient]]
name = "Jane"
{jane}
[[policy]]
name = "critical"
{policy}
  [[policy.level]]
  after_minutes = {after_minutes}
  to = ["Jane"]
[[group]]
name = "Ops"
members = ["Adam"]
[[group]]
name = "Critical"
members = ["Adam"]
policy = "critical"
"""
