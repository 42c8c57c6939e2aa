"""What the second node costs the first: processor time per alarm, and how long "accepted, mirrored" takes.

``python -m benchmarks.mirror``. The peer is the same program as a single node, in the same run, in alternating order. The
accepting node has core 0; broker, load and the other node share core 1. Both brokers are real, so are both daemons.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from addispatch.cluster.keyring import generate
from benchmarks import load
from benchmarks.broker import mosquitto
from benchmarks.process import Contestant
from benchmarks.report import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = """\
[node]
name = "{name}"
data_dir = "{folder}/data"
[http]
listen = ""
[log]
level = "warning"
[plugin.log]
path = "sent.log"
"""
MQTT = """\
[plugin.mqtt]
url = "mqtt://127.0.0.1:{port}"
shared = false
[[plugin.mqtt.subscribe]]
topic = "plant/+/+/alarm"
text = "{{{{ payload.message }}}} {{{{ payload.n }}}}"
to = ["Ops"]
"""
CLUSTER = """\
[cluster]
role = "{role}"
brokers = ["mqtt://127.0.0.1:{a}", "mqtt://127.0.0.1:{b}"]
key = "{key}"
"""
DIRECTORY = '[[recipient]]\nname = "Adam"\nchannels = ["log"]\n[[group]]\nname = "Ops"\nmembers = ["Adam"]\n'


class Api(http.client.HTTPConnection):
    """The daemon's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = str(path)

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)

    def ask(self, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer's document."""
        self.request(method, f"/api/v1{path}", json.dumps(document) if document is not None else None)
        answer: dict[str, Any] = json.loads(self.getresponse().read())
        return answer


class Node:
    """One daemon."""

    def __init__(self, folder: Path, name: str, config: str, core: int) -> None:
        folder.mkdir()
        self._sent, self.socket = folder / "data", folder / "data" / "addispatch.sock"
        (folder / "addispatch.toml").write_text(NODE.format(name=name, folder=folder) + config)
        (folder / "directory.toml").write_text(DIRECTORY)
        command = [sys.executable, "-m", "addispatch", "run", "--config", str(folder / "addispatch.toml")]
        self.contestant = Contestant(command, folder, core, {})

    def api(self) -> Api:
        """A connection to it, as soon as it answers."""
        while True:
            try:
                api = Api(self.socket)
                api.ask("GET", "/status")
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)
            else:
                return api

    def sent_count(self) -> int:
        """How many lines left by it."""
        file = next(self._sent.glob("**/sent.log"), None)
        return file.read_bytes().count(b"\n") if file else 0


@contextmanager
def pair(*, is_pair: bool) -> Iterator[tuple[Node, int]]:
    """One node, or two; gives the accepting one and the port of the broker it listens to."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mirror-")))
        a, b = (stack.enter_context(mosquitto(_made(folder / f"broker-{n}"), 1, 1000, nodelay=True)) for n in "ab")
        key = generate("k1")
        cluster = [CLUSTER.format(role=role, a=a, b=b, key=key) if is_pair else "" for role in ("master", "slave")]
        nodes = [Node(folder / "a", "a", MQTT.format(port=a) + cluster[0], 0)]
        if is_pair:
            nodes.append(Node(folder / "b", "b", cluster[1], 1))
        for node in nodes:
            stack.callback(node.contestant.kill)
        api = nodes[0].api()
        while is_pair and not ((doc := api.ask("GET", "/cluster"))["settled"] and doc["directory"]["same"]):
            time.sleep(0.1)
        while not any("Connected to MQTT" in e["text"] for e in api.ask("GET", "/events?limit=100")["events"]):
            time.sleep(0.1)
        time.sleep(2)
        yield nodes[0], a


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def burst(count: int, *, is_pair: bool) -> float:
    """Processor time of the accepting node for each alarm of a burst, in microseconds."""
    with pair(is_pair=is_pair) as (node, port):
        before, began_s = node.sent_count(), node.contestant.cpu_s()
        program = [sys.executable, str(Path(load.__file__)), "--port", str(port), "--count", str(count), "--rate", "0"]
        subprocess.run(["taskset", "-c", "1", *program], check=True, stdout=subprocess.DEVNULL)
        while node.sent_count() < before + count:
            time.sleep(0.05)
        time.sleep(1)
        return (node.contestant.cpu_s() - began_s) / count * 1e6


def latency(count: int, pause_s: float, *, is_pair: bool) -> tuple[list[float], float]:
    """How long POST /alarms takes, in milliseconds, and the share that was mirrored."""
    with pair(is_pair=is_pair) as (node, _port):
        api, times, mirrored_count = node.api(), [], 0
        for number in range(count):
            began_s = time.perf_counter()
            answer = api.ask("POST", "/alarms", {"text": f"alarm {number}", "to": ["Ops"]})
            times.append((time.perf_counter() - began_s) * 1000)
            mirrored_count += answer["mirrored"]
            time.sleep(pause_s)
        return times, mirrored_count / count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(machine(Path(tempfile.gettempdir())))
    ratios = []
    for number in range(options.rounds):
        order = (False, True) if number % 2 == 0 else (True, False)
        found = {is_pair: burst(options.count, is_pair=is_pair) for is_pair in order}
        ratios.append(found[True] / found[False])
        print(f"burst of {options.count}: alone {found[False]:.0f} µs, mirrored {found[True]:.0f} µs an alarm")
    print(f"processor time, mirrored / alone: {statistics.median(ratios):.2f} (must: 2.5 at most)")
    for is_pair in (False, True):
        times, share = latency(500, 0.02, is_pair=is_pair)
        times.sort()
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(
            f"POST /alarms {'mirrored' if is_pair else 'alone'}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, mirrored {share:.0%}"
        )


if __name__ == "__main__":
    main()
