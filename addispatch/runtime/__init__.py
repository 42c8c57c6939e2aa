"""What every part stands on: clock, tasks, MQTT link, templates, numbers, logs, metrics, systemd."""
