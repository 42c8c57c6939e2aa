"""Two nodes that back each other up over MQTT (docs/cluster.md)."""
