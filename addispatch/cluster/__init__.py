"""Two nodes that back each other up over MQTT: pure rules, the sealed envelope and the link.

``node`` decides, ``engine.cluster`` does: it wires the rules to the ledger and the link.
"""
