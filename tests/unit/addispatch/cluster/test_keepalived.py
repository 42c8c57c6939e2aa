"""What keepalived.conf says, and what never gets into it; tests/cluster runs it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from failover import Keepalived
from netns import namespaces, need_namespaces

from addispatch.cluster import keepalived
from addispatch.cluster.keepalived import Wanted, keepalived_conf
from addispatch.domain.errors import ConfigError

WANTED = Wanted(
    node="node-a",
    address="10.0.0.100/24",
    interface="eth0",
    socket=PurePosixPath("/var/lib/addispatch/addispatch.sock"),
    priority=150,
    peer="10.0.0.2",
    needs=("sms",),
)
EXAMPLE = Path(__file__).parents[4] / "config" / "keepalived" / "keepalived.conf"


@pytest.fixture(scope="module")
def machine():
    need_namespaces("keepalived", "curl")
    with namespaces(1) as net:
        yield net[0]


def conf(**changes):
    return keepalived_conf(replace(WANTED, **changes))


def test_the_example_is_what_is_made():
    assert EXAMPLE.read_text() == conf()


def test_without_needs_the_node_is_asked_once():
    text = conf(needs=())
    assert text.count("vrrp_script ") == 1
    assert "needs" not in text


def test_without_a_peer_it_is_multicast():
    assert "unicast_peer" not in conf(peer="")


def test_a_password_needs_the_older_protocol_which_knows_whole_seconds():
    text = conf(password="s3same")
    assert "vrrp_version 2" in text
    assert "advert_int 1\n" in text
    assert "auth_pass s3same\n" in text
    assert "auth" not in conf()


@pytest.mark.parametrize(("address", "number"), [("10.0.0.7/24", 7), ("10.0.0.7/8", 7), ("10.0.1.0/16", 255)])
def test_both_nodes_come_to_the_same_router_id_by_the_address(address, number):
    assert f"virtual_router_id {number}\n" in conf(address=address)


def test_a_router_id_can_be_chosen():
    assert "virtual_router_id 51\n" in conf(router_id=51)


def test_what_a_node_lacks_outweighs_its_role_and_being_ready_outweighs_both():
    roles = keepalived.PRIORITIES
    step = roles["master"] - roles["slave"]
    assert 0 < step < keepalived.LACKS_WEIGHT
    assert step + keepalived.LACKS_WEIGHT < keepalived.NOT_READY_WEIGHT
    assert min(roles.values()) > keepalived.LEAST_PRIORITY
    text = conf()
    weights = [int(found) for found in re.findall(r"weight (-\d+)", text)]
    assert weights == [-keepalived.NOT_READY_WEIGHT, -keepalived.LACKS_WEIGHT]


def test_the_wait_before_it_comes_back_is_in_checks():
    assert conf(back_after_s=90).count("rise 90\n") == 2


@pytest.mark.parametrize(
    ("changes", "option", "words"),
    [
        ({"address": "plant"}, "--address", "'plant' is no address (write it as 10.0.0.100/24)"),
        ({"address": ""}, "--address", "is no address"),
        ({"address": "10.0.0.100"}, "--address", "the length of the network is missing (write it as 10.0.0.100/24)"),
        ({"address": "10.0.0.0/24"}, "--address", "10.0.0.0 can be no machine's address"),
        ({"address": "10.0.0.255/24"}, "--address", "10.0.0.255 can be no machine's address"),
        ({"address": "127.0.0.1/8"}, "--address", "127.0.0.1 can be no machine's address"),
        ({"address": "224.0.0.18/24"}, "--address", "can be no machine's address"),
        ({"interface": "eth0; rm"}, "--interface", "is no interface ('ip link' lists them)"),
        ({"interface": "an-interface-too-long"}, "--interface", "is no interface"),
        ({"peer": "node-b"}, "--peer", "'node-b' is no address (the other node's own one, as 10.0.0.2)"),
        ({"peer": "fe80::1"}, "--peer", "are of different kinds"),
        ({"peer": "10.0.0.100"}, "--peer", "10.0.0.100 is not the other node's own address"),
        ({"priority": 80}, "--priority", "must be from 81 to 254, not 80"),
        ({"priority": 255}, "--priority", "must be from 81 to 254, not 255"),
        ({"router_id": 0}, "--router-id", "must be from 1 to 255, not 0"),
        ({"router_id": 256}, "--router-id", "must be from 1 to 255, not 256"),
        ({"needs": ("sms", "")}, "--needs", "'' is no channel (write them as sms,email)"),
        ({"needs": ("sms&x=y",)}, "--needs", "is no channel"),
        ({"needs": ("sms",) * 21}, "--needs", "at most 20 channels"),
        ({"password": "nine-long"}, "--password-file", "1 to 8 letters and digits (VRRP carries no more)"),
        ({"password": "a#b"}, "--password-file", "1 to 8 letters and digits"),
        ({"password": "secret", "address": "fd00::1/64", "peer": ""}, "--password-file", "VRRP for IPv6 has no password"),
        ({"user": "a b"}, "--user", "'a b' is no user"),
        ({"back_after_s": 0}, "--back-after", "must be from 1 to 3600 s, not 0"),
        ({"socket": PurePosixPath("/var/lib/add$x/addispatch.sock")}, "--config", "signs that keepalived.conf cannot"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_in_one_line(changes, option, words):
    with pytest.raises(ConfigError) as error:
        conf(**changes)
    assert error.value.path == option
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.debian
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"needs": (), "peer": ""},
        {"password": "s3same"},
        {"address": "fd00::100/64", "peer": "fd00::2"},
        {"back_after_s": 3600, "needs": ("sms",) * 20, "router_id": 1},
    ],
)
async def test_keepalived_takes_it(tmp_path, machine, changes):
    assert await Keepalived(machine, tmp_path, conf(user="root", **changes)).complaints() == ""


@pytest.mark.debian
async def test_keepalived_says_what_it_does_not_take(tmp_path, machine):
    assert "nosuch0" in await Keepalived(machine, tmp_path, conf(user="root", interface="nosuch0")).complaints()
