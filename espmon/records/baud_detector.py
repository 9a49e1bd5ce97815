"""Notices that the port is read at the wrong rate, and says which rate it looks like.

Reading at the wrong rate is not noise: each character becomes a fixed pattern of other bytes, so each pair of rates has
its own distribution of bytes. The detector compares what arrives with these distributions, made by sending typical
device output through the bit-level model in `espmon.records.uart`. Binary payloads match none of them.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from functools import lru_cache

from espmon.records.uart import line_levels, received

RATES = (
    9600, 19200, 38400, 57600, 74880, 115200, 230400, 250000, 460800, 500000, 921600, 1000000, 1500000, 2000000,
    3000000,
)  # fmt: skip
"""Rates in use. 74880 is what the ROM of an ESP8266 prints at: 115200 from a crystal of 26 instead of 40 MHz."""

CRYSTALS = (26 / 40, 40 / 26)
"""Firmware built for the other crystal frequency runs its UART too slow or too fast by this factor."""

LARGEST_RATIO = 9.0
"""Beyond this every start bit fills a whole byte with zeros: the rate cannot be told any more."""

BLOCK = 128
"""Bytes judged at once, counted from the start of the stream, so that the cut into reads does not matter."""

WINDOW = 8
"""Blocks compared with the models at most."""

FIRST_LOOK = 2
"""Suspicious blocks in a row after which they are compared for the first time."""

SUSPICIOUS = 0.08
"""Share of bytes that no text holds from which on a block is suspicious."""

_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\r\n\t\x1b\x07\x08")
_DELETE_TEXT = bytes(sorted(_TEXT))

_LIMITS = ((1.0, 0.9), (0.4, 2.1), (0.0, 1.5))
"""(port rate / sender rate at least, bits a byte that the bytes may be from the model). The faster the sender, the more
characters hide in one byte and the more the distribution depends on what is said; the more other data looks like it."""

_MARGIN = 0.5
"""Bits a byte by which the second best model, and text at the port's own rate, must be worse."""

_MODELS_A_BLOCK = 4
"""Models made while one block is judged: the work is spread, so that no call takes long."""

_SMOOTHING = 0.02


@dataclass(frozen=True, slots=True)
class BaudFinding:
    """The likely rate.

    Attributes:
        rate: what the device most likely sends at, in baud.
        read_at: what the port is set to.
        distance: bits a byte by which the received bytes differ from that model; 0 is perfect.
        runner_up: the next best rate, None when there is none.
        runner_up_distance: its distance.
        sample: bytes compared.
        unreadable: share of them that no text holds.
    """

    rate: int
    read_at: int
    distance: float
    runner_up: int | None
    runner_up_distance: float
    sample: int
    unreadable: float

    def __str__(self) -> str:
        return f"this looks like {self.rate} baud read at {self.read_at}"

    @property
    def evidence(self) -> tuple[str, ...]:
        """What speaks for it, in plain words."""
        lines = [
            f"{self.unreadable:.0%} of {self.sample} bytes are no text",
            f"their distribution is {self.distance:.2f} bits a byte from text sent at {self.rate} baud"
            + (f", {self.runner_up_distance:.2f} from {self.runner_up}" if self.runner_up else ""),
        ]
        ratio = self.rate / self.read_at
        if any(abs(ratio / factor - 1) < 0.01 for factor in CRYSTALS):
            lines.append("the ratio of the two rates is that of a 26 MHz and a 40 MHz crystal")
        elif math.log2(ratio).is_integer():
            lines.append("one rate is a power of two times the other")
        return tuple(lines)


class BaudDetector:
    """Watches received bytes; `feed` returns a finding once, when there is enough evidence.

    Costs next to nothing while the stream is readable. Models are made one at a time, when first needed.

    Args:
        rate: what the port is set to, in baud.
    """

    def __init__(self, rate: int) -> None:
        self._models: dict[int, tuple[float, ...]] = {}
        self.set_rate(rate)

    def set_rate(self, rate: int) -> None:
        """The port was set to another rate: start over."""
        self.rate = rate
        self._models.clear()
        self._candidates = self.candidates()
        self._pending = b""
        self._blocks: deque[bytes] = deque(maxlen=WINDOW)
        self._next_look = FIRST_LOOK
        self._row = 0
        self._reported: int | None = None

    def feed(self, data: bytes) -> BaudFinding | None:
        """Take received bytes; return a finding when one is made by them."""
        held = self._pending
        size = len(held) + len(data)
        whole = size - size % BLOCK
        if whole and len(data) >= BLOCK and _readable(data) and _readable(held):
            # Control characters in the middle of readable text change nothing.
            self._pending = data[len(data) - size % BLOCK :]
            self._calm()
            return None
        data = held + data
        self._pending = data[whole:]
        found: BaudFinding | None = None
        if whole and _readable(data):
            self._calm()
            return None
        for start in range(0, whole, BLOCK):
            found = self._judge(data[start : start + BLOCK]) or found
        return found

    def _calm(self) -> None:
        self._blocks.clear()
        self._row = 0
        self._next_look = FIRST_LOOK
        self._reported = None

    def _judge(self, block: bytes) -> BaudFinding | None:
        unreadable = len(block.translate(None, _DELETE_TEXT))
        if unreadable < SUSPICIOUS * BLOCK or _is_utf8(block):
            if self._row:
                self._calm()
            return None
        self._blocks.append(block)
        self._row += 1
        missing = [rate for rate in self._candidates if rate not in self._models]
        for rate in missing[:_MODELS_A_BLOCK]:
            self._models[rate] = _model(self.rate / rate)
        if self._row < self._next_look or len(missing) > _MODELS_A_BLOCK:
            return None
        self._next_look = self._row * 2
        finding = self.look(b"".join(self._blocks))
        if finding is None or finding.rate == self._reported:
            return None
        self._reported = finding.rate
        return finding

    def candidates(self) -> tuple[int, ...]:
        """The rates that are told apart from the port's own."""
        rates = {*RATES, *(round(self.rate * factor) for factor in CRYSTALS)}
        rates |= {self.rate * factor // 8 for factor in (1, 2, 4, 16, 32, 64)}
        kept: list[int] = []
        for rate in sorted(rates, key=lambda rate: (rate not in RATES, rate)):
            told_apart = all(abs(rate / other - 1) > 0.04 for other in (*kept, self.rate))
            if told_apart and 1 / 16 <= self.rate / rate <= LARGEST_RATIO:
                kept.append(rate)
        return tuple(sorted(kept))

    def look(self, sample: bytes) -> BaudFinding | None:
        """Compare a sample with every model; None when none fits well enough or two fit alike."""
        counts = Counter(sample)
        total = len(sample)
        # Runs of one value (erased flash, a held line, silence in audio) say nothing about a rate.
        if len(counts) < 2 or counts.most_common(1)[0][1] > 0.75 * total:
            return None
        own = self._distance(counts, total, self.rate)
        ranked = sorted((self._distance(counts, total, rate), rate) for rate in self._candidates)
        (distance, rate), (next_distance, runner_up) = ranked[0], ranked[1]
        limit = next(limit for ratio, limit in _LIMITS if self.rate / rate >= ratio)
        if distance > limit or next_distance - distance < _MARGIN or own - distance < _MARGIN:
            return None
        unreadable = len(sample.translate(None, _DELETE_TEXT)) / total
        return BaudFinding(rate, self.rate, distance, runner_up, next_distance, total, unreadable)

    def _distance(self, counts: Counter[int], total: int, rate: int) -> float:
        model = self._models.get(rate)
        if model is None:
            model = self._models[rate] = _model(self.rate / rate)
        distance = sum(count / total * math.log2(count / total / model[value]) for value, count in counts.items())
        # A small sample looks further from its own distribution than it is.
        return max(0.0, distance - (len(counts) - 1) / (2 * total * math.log(2)))


def _readable(data: bytes) -> bool:
    return data.isascii() and b"\x00" not in data


def _is_utf8(block: bytes) -> bool:
    """True for text in another script than Latin: valid UTF-8 apart from characters cut at the block's ends."""
    body = block.lstrip(bytes(range(0x80, 0xC0)))
    for cut in range(4):
        try:
            text = body[: len(body) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return sum(ord(char) < 0x20 and char not in "\r\n\t\x1b" for char in text) * 16 < len(text)
    return False


@lru_cache(maxsize=128)
def _model(ratio: float) -> tuple[float, ...]:
    """How often each byte is read when typical output is received at `ratio` times its rate."""
    counts: Counter[int] = Counter()
    text = typical_output(70 if ratio >= 1 else min(800, int(140 / ratio)))
    levels = line_levels(text)
    for phase in (0.0, 0.5) if ratio < 1 else (0.0,):
        counts.update(received(levels, ratio, phase=phase))
    total = sum(counts.values()) + _SMOOTHING * 256
    return tuple((counts[value] + _SMOOTHING) / total for value in range(256))


def typical_output(lines: int) -> bytes:
    """So many lines as ESP boards print them, always the same."""
    made = [_FORMS[index % len(_FORMS)].format(n=index * 7919 % 100003, h=index * 2654435761 % (1 << 32), b=index % 97)
            for index in range(lines)]  # fmt: skip
    return "".join(made).encode("ascii")


_FORMS = (
    "ets Jul 29 2019 12:21:46\r\n",
    "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n",
    "\x1b[0;32mI ({n}) wifi: mode : sta (24:0a:c4:{b:02x}:11:22)\x1b[0m\r\n",
    "load:0x{h:08x},len:{n}\r\n",
    "I ({n}) main_task: Calling app_main()\r\n",
    "\x1b[0;33mW ({n}) sensor: reading took {b} ms, expected 20\x1b[0m\r\n",
    "Temperature: {b}.5 C, Humidity: {n} %, Pressure = {n} hPa\r\n",
    "E ({n}) i2c: Failed to read register 0x{b:02x} (ESP_ERR_TIMEOUT)\r\n",
    "[{n:6d}][D][WiFiGeneric.cpp:{b}] _eventCallback(): Arduino Event: {b} - STA_START\r\n",
    "I ({n}) boot:  2 factory          factory app      00 00 {h:08x} 00100000\r\n",
    "heap: {n} bytes free, largest block {n}, min {b}\r\n",
    "\x1b[0;32mI ({n}) esp_image: segment {b}: paddr={h:08x} vaddr={h:08x} size={n:05x}h ({n}) map\x1b[0m\r\n",
    "GET /api/v1/status?id={b} HTTP/1.1 -> 200 OK, client 192.168.1.{b} disconnected\r\n",
    "the quick brown fox jumps over the lazy dog {n} times before it is ready to start again.\r\n",
)
