"""The benchmark's own instruments: a wrong ruler makes wrong figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # benchmarks are run from the checkout and are in no package

from benchmarks import load, slowdisk, smtpsink  # noqa: E402
from benchmarks.broker import mosquitto  # noqa: E402
from benchmarks.growth import multiply  # noqa: E402
from benchmarks.modbus_devices import devices, host  # noqa: E402
from benchmarks.process import Contestant  # noqa: E402
from benchmarks.report import Figures  # noqa: E402
from benchmarks.sink import PROBES, file_outlet, mail_outlet  # noqa: E402


@pytest.mark.debian
def test_the_load_arrives_whole_and_numbered(tmp_path: Path) -> None:
    with mosquitto(tmp_path, 0, 20) as port:
        command = ["mosquitto_sub", "-p", str(port), "-t", "plant/+/+/alarm", "-q", "1", "-i", "reader", "-c"]
        subprocess.run([*command, "-E"], check=True, timeout=10)  # subscribes and leaves: the session keeps what comes
        load.run(port, 5, 300, 0)
        kept = subprocess.run(
            [*command, "-C", "300", "-F", "%t %p"], capture_output=True, text=True, check=True, timeout=10
        )
    lines = kept.stdout.splitlines()
    payloads = [line.split(" ", 1)[1] for line in lines]
    assert {len(payload) for payload in payloads} == {load.PAYLOAD_BYTES}
    assert sorted(json.loads(payload)["n"] for payload in payloads) == list(range(5, 305))
    assert len({line.split(" ")[0] for line in lines}) == len(load.TOPICS)


@pytest.mark.debian
def test_a_steady_rate_is_kept(tmp_path: Path) -> None:
    with mosquitto(tmp_path, 0, 20) as port:
        sent = load.run(port, 0, 100, 200)
    assert 0.45 < sent["seconds"] < 1.5


def test_the_file_is_read_line_by_line_and_probes_do_not_count(tmp_path: Path) -> None:
    with file_outlet(tmp_path) as outlet, outlet.path.open("a", buffering=1) as file:
        now_ns = time.monotonic_ns()
        file.write(f"#1@{now_ns}; text\n#{PROBES + 1}@{now_ns}; probe\n#2@{now_ns}; half a li")
        assert outlet.wait(1) == 2
        assert (outlet.total, outlet.probes, list(outlet.seen)) == (1, 1, [1])
        file.write(f'ne\n{{"subject":"#1@{now_ns}","text":"#1@{now_ns}; again"}}\n')
        outlet.wait_for(2, quiet_s=1)
        assert (outlet.total, sorted(outlet.seen)) == (3, [1, 2])
        assert all(0 <= latency_ms < 1000 for latencies in outlet.seen.values() for latency_ms in latencies)


def test_mails_are_counted_and_stamped_by_their_server(tmp_path: Path) -> None:
    import smtplib

    with mail_outlet(tmp_path, 0, 1) as outlet:
        with smtplib.SMTP("127.0.0.1", outlet.smtp_port) as client:
            for number in (1, 2):
                client.sendmail(
                    "a@example.com", "b@example.com", f"Subject: x\r\n\r\n#{number}@{time.monotonic_ns()}; hot"
                )
        outlet.wait_for(2, quiet_s=2)
    assert sorted(outlet.seen) == [1, 2]


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_the_mark_is_found_in_any_encoding(encoding: str) -> None:
    mail = EmailMessage()
    mail.set_content("#12@345; hot", cte=encoding)
    assert smtpsink.mark_of(mail.as_bytes()) == b"#12@345"


def test_processor_time_and_memory_include_children(tmp_path: Path) -> None:
    burn = "import time\nt=time.process_time()\nwhile time.process_time()<t+0.3: pass\nprint(1, flush=True)\ntime.sleep(60)"
    parent = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    contestant = Contestant([sys.executable, "-c", parent], tmp_path, 0, dict(os.environ))
    try:
        until = time.monotonic() + 20
        while not (tmp_path / "contestant.log").read_bytes() and time.monotonic() < until:
            os.sched_yield()
        assert contestant.cpu_s() >= 0.3
        assert contestant.rss_mb() > 10
    finally:
        contestant.kill()


@pytest.mark.skipif(not Path("/usr/bin/gcc").exists(), reason="needs gcc")
def test_the_slow_disk_is_slow(tmp_path: Path) -> None:
    program = "import os,time; f=os.open('x',os.O_CREAT|os.O_WRONLY); t=time.monotonic(); os.fdatasync(f); os.fsync(f); print(time.monotonic()-t)"
    environment = os.environ | slowdisk.environment(tmp_path, 50)
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert 0.1 <= float(result.stdout) < 2


def test_ratios_are_medians_of_pairs() -> None:
    figures = Figures()
    for ours, peer in ((100.0, 50.0), (300.0, 100.0), (1000.0, 1000.0)):
        figures.add("addispatch", {"msg/s": ours})
        figures.add("mqttwarn", {"msg/s": peer})
    assert "| msg/s | 300 (100 to 1,000) | 100 (50 to 1,000) | **2** |" in figures.table()


async def test_a_ledger_grows_by_whole_cases(tmp_path: Path) -> None:
    import sqlite3

    from addispatch.store.ledger import Ledger

    ledger = Ledger("sqlite:///ledger.db", tmp_path)
    await ledger.open()
    await ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        for table, rows_per_case in (("cases", 1), ("deliveries", 1), ("events", 2)):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            for seq in range(1, 2 * rows_per_case + 1):
                known = {"seq": seq, "case_seq": (seq - 1) // rows_per_case + 1, "id": os.urandom(16)}
                values = [known.get(column, 0) for column in columns]
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", values)
    assert multiply(tmp_path / "ledger.db", 100) == 100
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        belong = "SELECT count(*) FROM {} e JOIN cases c ON c.seq = e.case_seq"
        assert database.execute(belong.format("deliveries")).fetchone() == (100,)
        assert database.execute(belong.format("events")).fetchone() == (200,)
        assert database.execute("SELECT count(DISTINCT id) FROM cases").fetchone() == (100,)


async def test_cheap_devices_answer_a_client_that_knows_nothing_of_them() -> None:
    from pymodbus.client import AsyncModbusTcpClient

    assert len({host(number) for number in range(20_000)}) == 20_000
    with devices(0) as (port, _process):
        for number in (0, 19_999):
            client = AsyncModbusTcpClient(host(number), port=port)
            assert await client.connect()
            seen = [(await client.read_holding_registers(5, count=count)).registers for count in (1, 3, 125)]
            assert [len(registers) for registers in seen] == [1, 3, 125]
            assert {value for registers in seen for value in registers} == {42, 43}
            client.close()


def test_a_percentile_is_one_of_the_values() -> None:
    from benchmarks.monitoring import p

    assert (p([], 0.5), p([3.0], 0.99), p([1.0, 2.0, 3.0, 4.0], 0.5), p([1.0, 2.0], 1.0)) == (0.0, 3.0, 3.0, 2.0)
