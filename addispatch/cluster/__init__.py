"""Two nodes that back each other up over MQTT: the protocol, a pure state machine, and its sealed pipe."""
