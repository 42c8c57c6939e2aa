"""The demo's configuration is a good one, and free ports are free."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import addispatch.demo
from addispatch.demo.stage import free_port

FOLDER = Path(addispatch.demo.__file__).parent


def test_a_free_port_can_be_bound():
    with socket.socket() as sock:
        port = free_port()
        sock.bind(("127.0.0.1", port))
        assert sock.getsockname()[1] == port


def test_everyone_a_route_of_the_demo_names_is_in_its_address_book():
    directory = tomllib.loads((FOLDER / "directory.toml").read_text())
    known = {entry["name"] for table in ("recipient", "group") for entry in directory[table]}
    named = {name for route in directory["route"] for name in route["to"]}
    named |= {name for group in directory["group"] for name in group["members"]}
    assert named <= known
