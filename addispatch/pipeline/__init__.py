"""From an alarm to queued deliveries: check, route, filter, compose, enqueue; one small stage a file."""
