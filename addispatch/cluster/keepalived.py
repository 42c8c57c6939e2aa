"""Writes the keepalived.conf of one node: a virtual address that goes to the node that can work. Pure.

Called by ``addispatch cluster keepalived``. The words are those of keepalived.conf(5), version 2; VRRP is RFC 5798.

Whether the node can work decides by priorities alone, never by keepalived's FAULT: the node that is less bad has the
address. Were both without a modem, nobody would have it, and no alarm came in that a mail could still tell of.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from addispatch.domain.errors import ConfigError

#: Priority of each role. They differ by less than any weight, so that a loss always outweighs the role.
PRIORITIES = {"master": 150, "slave": 140}
#: What is taken from the priority of a node that is not ready, and of one that lacks a channel it needs.
NOT_READY_WEIGHT, LACKS_WEIGHT = 60, 20
#: Below the least the weights would bring it under 1; above the most is what the owner of an address has (RFC 5798).
LEAST_PRIORITY, MOST_PRIORITY = NOT_READY_WEIGHT + LACKS_WEIGHT + 1, 254
#: How often the active node tells that it is there, in seconds: with three of them missed the other takes over. VRRP 2,
#: the one with a password, knows whole seconds only.
ADVERT_S, ADVERT_WITH_PASSWORD_S = 0.5, 1
#: How often the node is asked and how long it may take to answer, in seconds.
CHECK_EVERY_S, ANSWER_WITHIN_S = 1, 1
#: How long the daemon may take to hear of it, in seconds.
TOLD_WITHIN_S = 5
#: So many failed checks in a row take the priority down.
FALL_COUNT = 2
#: How long a node is well again before it gets its priority back, in seconds, and the longest that may be chosen.
BACK_AFTER_S, LONGEST_BACK_AFTER_S = 5, 3600
#: Most channels a node may need.
MAX_NEEDS_COUNT = 20
#: VRRP carries so much of a password and no more (RFC 2338), readable for everybody on the cable.
MAX_PASSWORD_CHARS = 8

_CURL = "/usr/bin/curl"
# What keepalived, which has comment signs and variables of its own, takes literally.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/_.+:@-]*")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")

_Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options said. ``socket`` is the daemon's unix socket; ``needs`` are names of channels."""

    node: str
    address: str
    interface: str
    socket: PurePosixPath
    priority: int
    peer: str = ""
    router_id: int | None = None
    needs: tuple[str, ...] = ()
    password: str = ""
    user: str = "addispatch"
    back_after_s: int = BACK_AFTER_S


def keepalived_conf(wanted: Wanted) -> str:
    """Return the text of keepalived.conf; raises ``ConfigError`` whose path is the option that is wrong."""
    address = _address(wanted.address)
    peer = _peer(wanted.peer, address)
    _check(wanted, address)
    router_id = wanted.router_id or int(address.ip) % 256 or 255
    scripts = _scripts(wanted)
    names = "".join(f"        {name}\n" for name in scripts)
    version, advert_s = (2, ADVERT_WITH_PASSWORD_S) if wanted.password else (3, ADVERT_S)
    return f"""\
# The virtual address {address.ip} for the node {wanted.node}: /etc/keepalived/keepalived.conf.
# Made by 'addispatch cluster keepalived': make it anew rather than edit it, on both nodes.

global_defs {{
    router_id {wanted.node}
    # The checks open the daemon's socket: they run as its user and not as root.
    script_user {wanted.user}
    enable_script_security
    vrrp_version {version}
    # With many tasks on the machine keepalived must not miss its own adverts.
    vrrp_rt_priority 50
    # Nor be ended by the kernel when it wants the processor for longer at a stretch than it asks for by itself, 10 ms:
    # a slow, busy machine takes that. In microseconds.
    vrrp_rlimit_rttime 1000000
    # After a cut between the two both have the address. The one that gives it up says so, and the other one tells
    # everybody where it is: else clients send to the wrong one until they ask anew.
    vrrp_higher_prio_send_advert true
    # Switches and hosts that missed the word of the address's new place hear it again, and then each 10 s.
    vrrp_garp_master_delay 2
    vrrp_garp_master_refresh 10
}}

{"".join(scripts.values())}
vrrp_instance addispatch {{
    interface {wanted.interface}
    virtual_router_id {router_id}
    # Both start as BACKUP; the priority decides, so that a node that comes up takes nothing away before it is well.
    state BACKUP
    # The other node has about 10 more or less: a check that fails outweighs that. The address goes back to the node
    # with the higher one, the master, once that was well for {wanted.back_after_s} s: the directory is edited there.
    # Two nodes with the same priority leave it where it is. Not nopreempt: a weight would then move nothing.
    priority {wanted.priority}
    advert_int {advert_s:g}
{_authentication(wanted.password)}{_unicast(peer)}    virtual_ipaddress {{
        {address} dev {wanted.interface}
    }}
    track_script {{
{names}    }}
{_notify(wanted, address)}}}
"""


def _scripts(wanted: Wanted) -> dict[str, str]:
    """Return the checks by name."""
    found = {"addispatch_ready": _script(wanted, "addispatch_ready", "", NOT_READY_WEIGHT, "Is the daemon ready?")}
    if wanted.needs:
        comment = f"Are these channels up: {', '.join(wanted.needs)}? It counts less: better a node without than none."
        query = f"?needs={','.join(wanted.needs)}"
        found["addispatch_needs"] = _script(wanted, "addispatch_needs", query, LACKS_WEIGHT, comment)
    return found


def _script(wanted: Wanted, name: str, query: str, weight: int, comment: str) -> str:
    # curl and not 'addispatch cluster check': it costs a twentieth of the processor time, each second, for ever.
    asks = f"--silent --fail --max-time {ANSWER_WITHIN_S} --output /dev/null --unix-socket {wanted.socket}"
    return f"""\
# {comment} A daemon that hangs does not answer in time.
vrrp_script {name} {{
    script "{_CURL} {asks} http://localhost/readyz{query}"
    interval {CHECK_EVERY_S}
    timeout {ANSWER_WITHIN_S + 1}
    fall {FALL_COUNT}
    rise {wanted.back_after_s // CHECK_EVERY_S}
    weight -{weight}
    init_fail
}}
"""


def _notify(wanted: Wanted, address: _Address) -> str:
    tells = f"--silent --max-time {TOLD_WITHIN_S} --output /dev/null --unix-socket {wanted.socket} --request POST"
    url = f"http://localhost/api/v1/virtual-address/{address.ip}?is_here="
    words = {"master": "true", "backup": "false", "fault": "false", "stop": "false"}
    lines = [f'    notify_{state} "{_CURL} {tells} {url}{is_here}"\n' for state, is_here in words.items()]
    return "    # The daemon writes it into its event log.\n" + "".join(lines)


def _authentication(password: str) -> str:
    if not password:
        return ""
    return f"""\
    # Readable for everybody on the cable: it keeps out mistakes, not attackers.
    authentication {{
        auth_type PASS
        auth_pass {password}
    }}
"""


def _unicast(peer: str) -> str:
    if not peer:
        return ""
    return f"""\
    # To the other node alone, and nobody else's word counts.
    unicast_peer {{
        {peer}
    }}
    check_unicast_src
"""


def _address(text: str) -> _Address:
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        raise ConfigError("--address", f"{text!r} is no address", "write it as 10.0.0.100/24") from None
    if "/" not in text:
        raise ConfigError("--address", "the length of the network is missing", f"write it as {text}/24")
    network = found.network
    is_end = found.version == 4 and network.prefixlen < 31 and found.ip in (network[0], network[-1])
    if is_end or found.is_multicast or found.is_loopback or found.is_unspecified:
        raise ConfigError("--address", f"{found.ip} can be no machine's address")
    return found


def _peer(text: str, address: _Address) -> str:
    if not text:
        return ""
    try:
        peer = ipaddress.ip_address(text)
    except ValueError:
        raise ConfigError("--peer", f"{text!r} is no address", "the other node's own one, as 10.0.0.2") from None
    if peer.version != address.version:
        raise ConfigError("--peer", f"{peer} and {address.ip} are of different kinds", "both IPv4 or both IPv6")
    if peer == address.ip or peer.is_multicast or peer.is_loopback or peer.is_unspecified:
        raise ConfigError("--peer", f"{peer} is not the other node's own address")
    return str(peer)


def _check(wanted: Wanted, address: _Address) -> None:
    if not _INTERFACE.fullmatch(wanted.interface):
        raise ConfigError("--interface", f"{wanted.interface!r} is no interface", "'ip link' lists them")
    if not LEAST_PRIORITY <= wanted.priority <= MOST_PRIORITY:
        raise ConfigError("--priority", f"must be from {LEAST_PRIORITY} to {MOST_PRIORITY}, not {wanted.priority}")
    if wanted.router_id is not None and not 1 <= wanted.router_id <= 255:
        raise ConfigError("--router-id", f"must be from 1 to 255, not {wanted.router_id}")
    if not 1 <= wanted.back_after_s <= LONGEST_BACK_AFTER_S:
        raise ConfigError("--back-after", f"must be from 1 to {LONGEST_BACK_AFTER_S} s, not {wanted.back_after_s}")
    if len(wanted.needs) > MAX_NEEDS_COUNT:
        raise ConfigError("--needs", f"at most {MAX_NEEDS_COUNT} channels")
    for name in wanted.needs:
        if not _NAME.fullmatch(name):
            raise ConfigError("--needs", f"{name!r} is no channel", "write them as sms,email")
    if not _USER.fullmatch(wanted.user):
        raise ConfigError("--user", f"{wanted.user!r} is no user")
    if not _PLAIN_PATH.fullmatch(str(wanted.socket)):
        raise ConfigError(
            "--config", f"{wanted.socket} has signs that keepalived.conf cannot carry", "choose another data_dir"
        )
    if wanted.password:
        _check_password(wanted.password, address)


def _check_password(password: str, address: _Address) -> None:
    if address.version != 4:
        raise ConfigError("--password-file", "VRRP for IPv6 has no password", "leave it out")
    if not re.fullmatch(rf"[A-Za-z0-9]{{1,{MAX_PASSWORD_CHARS}}}", password):
        problem = f"the file must hold 1 to {MAX_PASSWORD_CHARS} letters and digits"
        raise ConfigError("--password-file", problem, "VRRP carries no more")
