from __future__ import annotations

import base64
import math
import random
import struct
import zlib
from pathlib import Path

import pytest

from espmon.records.baud_detector import BaudDetector, BaudFinding, typical_output
from espmon.records.uart import line_levels, received, resampled
from tests.inputs import Log, log_named

LOGS = (
    "board-crashes-riscv", "board-crashes-xtensa", "boot-esp32s3", "012-int-wdt", "051-flash-and-boot", "028-boot",
    "074-boot-flash-encryption", "054-LoadProhibited-midline",
)  # fmt: skip

PAIRS = [
    (74880, 115200),
    (115200, 74880),
    (9600, 19200),
    (57600, 115200),
    (38400, 115200),
    (28800, 115200),
    (19200, 115200),
    (230400, 115200),
    (115200, 57600),
    (460800, 921600),
    (115200, 460800),
    (177231, 115200),
    (921600, 599040),
    (1500000, 921600),
    (2000000, 921600),
]


def watch(detector: BaudDetector, data: bytes, step: int = 64) -> list[BaudFinding]:
    findings = (detector.feed(data[at : at + step]) for at in range(0, len(data), step))
    return [finding for finding in findings if finding is not None]


def other_text(lines: int) -> bytes:
    """Output that is none of the detector's own training text."""
    words = [
        "motor",
        "valve",
        "opened",
        "closed",
        "limit",
        "reached",
        "tank",
        "level",
        "pressure",
        "flow",
        "upload",
        "done",
    ]
    rng = random.Random(7)
    return "".join(
        f"{rng.choice('IWED')} ({index * 131}) {rng.choice(words)}: "
        f"{' '.join(rng.choices(words, k=6))} = {rng.randrange(9999)}\r\n"
        for index in range(lines)
    ).encode()


def test_a_receiver_at_the_same_rate_reads_what_was_sent() -> None:
    data = bytes(range(256)) * 2
    assert received(line_levels(data), 1.0) == data
    assert received(line_levels(data), 1.02) == data


def test_a_receiver_at_twice_the_rate_reads_each_bit_twice() -> None:
    # 'U' is 10101010 from its lowest bit: start 00, then 11 00 11 00; the rest is read as a second byte.
    assert resampled(b"U", sender=9600, receiver=19200)[0] == 0b01100110


@pytest.mark.parametrize(("sender", "receiver"), PAIRS)
def test_the_rate_is_named_for_text_read_at_another_rate(sender: int, receiver: int) -> None:
    findings = watch(BaudDetector(receiver), resampled(other_text(260), sender=sender, receiver=receiver))
    assert [finding.rate for finding in findings] == [sender]
    assert str(findings[0]) == f"this looks like {sender} baud read at {receiver}"


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize(("sender", "receiver"), [(74880, 115200), (57600, 115200), (230400, 115200), (115200, 74880)])
def test_the_rate_is_named_for_logs(name: str, sender: int, receiver: int) -> None:
    data = log_named(name).data[:6000]
    findings = watch(BaudDetector(receiver), resampled(data, sender=sender, receiver=receiver))
    assert {finding.rate for finding in findings} == {sender}


def test_the_evidence_names_the_crystals() -> None:
    finding = watch(BaudDetector(115200), resampled(other_text(60), sender=74880, receiver=115200))[0]
    assert any("crystal" in line for line in finding.evidence)
    assert any("no text" in line for line in finding.evidence)


def test_the_evidence_names_a_power_of_two() -> None:
    finding = watch(BaudDetector(115200), resampled(other_text(60), sender=28800, receiver=115200))[0]
    assert any("power of two" in line for line in finding.evidence)


@pytest.mark.parametrize("step", [1, 17, 128, 1000, 1 << 20])
def test_the_cut_into_reads_does_not_matter(step: int) -> None:
    garbage = resampled(other_text(60), sender=57600, receiver=115200)
    assert [finding.rate for finding in watch(BaudDetector(115200), garbage, step)] == [57600]


def test_a_finding_is_made_once_and_again_after_readable_text() -> None:
    detector = BaudDetector(115200)
    garbage = resampled(other_text(100), sender=74880, receiver=115200)
    assert len(watch(detector, garbage)) == 1
    assert watch(detector, garbage) == []
    assert watch(detector, other_text(30)) == []
    assert len(watch(detector, garbage)) == 1


def test_after_the_rate_was_corrected_nothing_is_said() -> None:
    detector = BaudDetector(115200)
    assert watch(detector, resampled(other_text(60), sender=74880, receiver=115200))
    detector.set_rate(74880)
    assert watch(detector, other_text(60)) == []


def payloads() -> dict[str, bytes]:
    rng = random.Random(3)
    text = typical_output(400)
    return {
        "random": rng.randbytes(30_000),
        "compressed": zlib.compress(text * 4, 9),
        "zeros": bytes(8000),
        "erased flash": b"\xff" * 8000,
        "mostly zeros": bytes(0 if rng.random() < 0.6 else rng.randrange(256) for _ in range(20_000)),
        "16 bit audio": b"".join(
            struct.pack("<h", int(9000 * math.sin(i / 11) + rng.gauss(0, 200))) for i in range(9000)
        ),
        "8 bit audio": bytes(int(128 + 100 * math.sin(i / 17) + rng.gauss(0, 5)) & 255 for i in range(9000)),
        "floats": b"".join(struct.pack("<f", 20 + rng.random() * 5) for _ in range(5000)),
        "rgb565": b"".join(struct.pack(">H", rng.choice([0, 0xFFFF, 0xF800, 0x07E0, 0x8410])) for _ in range(9000)),
        "bitmap": bytes(rng.choice([0, 0, 0, 0xFF, 0xFF, 0x0F, 0xF0, 0x80, 0x01, 0xFE]) for _ in range(9000)),
        "Chinese": "温度传感器读数正常，系统启动完成。\r\n".encode() * 300,
        "Cyrillic": "Температура датчика в норме.\r\n".encode() * 300,
        "box drawing": "│ 温 ├──┤ ░▒▓█ 12 │\r\n".encode() * 300,
        "windows-1251": "Температура датчика в норме.\r\n".encode("cp1251") * 300,
        "shift-jis": "温度センサーは正常です。\r\n".encode("shift-jis") * 300,
        "latin-1": "Grüße aus Köln: Wärme 23°C\r\n".encode("latin-1") * 300,
        "base64": base64.b64encode(rng.randbytes(9000)),
        "modbus": b"".join(bytes([1, 3, 8]) + rng.randbytes(10) for _ in range(900)),
        "coloured text": text,
    }


@pytest.mark.parametrize("rate", [9600, 74880, 115200, 921600])
@pytest.mark.parametrize("name", sorted(payloads()))
def test_payloads_and_text_are_never_called_a_wrong_rate(name: str, rate: int) -> None:
    assert watch(BaudDetector(rate), payloads()[name], 1000) == []


@pytest.mark.parametrize("name", ["binlog/stream.bin", "binlog/bootloader.elf", "binlog/log.elf"])
def test_binary_logs_and_programs_are_never_called_a_wrong_rate(inputs: Path, name: str) -> None:
    assert watch(BaudDetector(115200), (inputs / name).read_bytes()[:300_000], 4096) == []


def test_logs_read_at_their_own_rate_are_never_called_a_wrong_rate(log: Log) -> None:
    assert watch(BaudDetector(115200), log.data) == []


def test_what_is_held_stays_small_on_endless_garbage() -> None:
    detector = BaudDetector(115200)
    noise = random.Random(1).randbytes(65_536)
    for _ in range(8):
        assert detector.feed(noise) is None
    assert sum(map(len, detector._blocks)) <= 8 * 128
