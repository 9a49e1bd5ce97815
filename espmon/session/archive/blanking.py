"""What is taken out of a log before others see it: passwords, keys, networks, addresses, and what the user adds.

A value becomes stars behind a name for it, of the same length where there is room: the same value has the same name
everywhere, so that what belongs together still does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from espmon.records.record import JsonObject
from espmon.user_pattern import PatternError, PatternTooSlow, UserPattern

RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("key", re.compile(r"-----BEGIN [A-Z ]*(?:KEY|CERTIFICATE)-----(?:[^-]|-(?!----))*")),
    ("key", re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]++)?")),
    ("login", re.compile(r"://([^/\s:@]{1,100}:[^/\s@]{1,200})@")),
    (
        "password",
        re.compile(
            r"(?i)(?:passw(?:or)?d|passphrase|\bpass|\bpsk|\bpwd|secret|token|api[_ -]?key|private[_ -]?key|bearer)"
            r"[\"']?(?:\s*[:=]\s*|\s+is\s+|\s+)[\"'<]?([^\s\"',;>]{1,200})"
        ),
    ),
    (
        "ssid",
        re.compile(
            r"(?i)\bssid\b[\"']?(?:\s*+[:=]\s*+|\s++)[\"'<]?(.{1,32}?)(?=[\"'>,;\r\n]|\s+(?:pass|psk|chan|bssid|rssi|auth)|\s*$)"
        ),
    ),
    ("ssid", re.compile(r"wifi:connected with (.{1,32}?), aid = ")),
    ("mac", re.compile(r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")),
    ("address", re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\d)")),
    ("address", re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Fa-f:])")),
    ("address", re.compile(r"(?i)(?<![0-9a-f:])(?:fe80|2[0-9a-f]{3}|f[cd][0-9a-f]{2})(?::[0-9a-f]{0,4}){2,7}")),
)
"""(kind, what to look for); the first group is what is taken out, where there is one."""

MAX_VALUES = 100_000
"""Different values that get names of their own; those beyond share one."""

STAR = "*"


class SecretsError(Exception):
    """A rule of the user's cannot be used. The message is for people."""


@dataclass(slots=True)
class Blanked:
    """One value that was taken out; which one, nobody is told."""

    kind: str
    name: str
    count: int = 0


class Secrets:
    """Takes secrets out of texts, and counts them.

    Args:
        rules: the user's own: kind -> regular expression; what it matches is taken out.

    Raises:
        SecretsError: an expression of the user's is none.
    """

    def __init__(self, rules: Mapping[str, str] | None = None) -> None:
        self._known: dict[tuple[str, str], Blanked] = {}
        self._counts: dict[str, int] = {}
        self._in_key = False
        self._own: list[tuple[str, UserPattern]] = []
        for kind, expression in (rules or {}).items():
            try:
                self._own.append((re.sub(r"\W+", "-", kind)[:20], UserPattern(kind, expression)))
            except PatternError as error:
                raise SecretsError(f"[secrets] {kind}: {error}") from error

    @property
    def found(self) -> list[Blanked]:
        """What was taken out so far."""
        return list(self._known.values())

    def to_json(self) -> list[JsonObject]:
        """The list of what was taken out."""
        return [{"kind": item.kind, "name": item.name, "count": item.count} for item in self.found]

    def _spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        for kind, pattern in RULES:
            for match in pattern.finditer(text):
                start, end = match.span(1) if pattern.groups and match[1] is not None else match.span()
                yield start, end, kind
        for kind, own in self._own:
            try:
                yield from ((start, end, kind) for start, end in own.spans(text))
            except PatternTooSlow as error:
                raise SecretsError(f"[secrets] {kind} is too slow for a line of this log") from error

    def blank(self, text: str) -> str:
        """The text without its secrets, as long as it was."""
        if len(text) < 4:
            return text
        spans = sorted(self._spans(text), key=lambda span: (span[0], -span[1]))
        parts: list[str] = []
        at = 0
        for start, end, kind in spans:
            if start < at or start == end or not text[start:end].strip(STAR):
                continue
            parts += [text[at:start], self._named(kind, text[start:end])]
            at = end
        return "".join([*parts, text[at:]]) if parts else text

    def _named(self, kind: str, value: str) -> str:
        key = kind, value
        item = self._known.get(key)
        if item is None:
            if len(self._known) >= MAX_VALUES:
                key = kind, ""
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            item = self._known.setdefault(key, Blanked(kind, f"<{kind}-{number}>"))
        item.count += 1
        return fitted(item.name, len(value))

    def whole(self, kind: str, length: int) -> str:
        """So many characters that are taken out whatever they say."""
        item = self._known.setdefault((kind, ""), Blanked(kind, f"<{kind}>"))
        item.count += 1
        return fitted(item.name, length)

    def blank_line(self, text: str) -> str:
        """One line after the other: a key that is printed over several lines is taken out, too."""
        if "-----BEGIN " in text:
            self._in_key = "KEY" in text or "CERT" in text
        elif self._in_key and "-----END " in text:
            self._in_key = False
        elif self._in_key and text.strip():
            body = text.rstrip("\r\n")
            return self.whole("key", len(body)) + text[len(body) :]
        return self.blank(text)

    def blank_bytes(self, data: bytes) -> bytes:
        """Text as it was received without its secrets, of the same length in bytes."""
        text = data.decode("latin-1")
        return self.blank_line(text).encode("latin-1", "replace")

    def blank_json(self, value: object) -> object:
        """A JSON value without the secrets in its texts."""
        if isinstance(value, str):
            return self.blank(value)
        if isinstance(value, list):
            return [self.blank_json(item) for item in value]
        if isinstance(value, dict):
            return {key: self._field(key, item) for key, item in value.items()}
        return value

    def _field(self, key: str, value: object) -> object:
        """A field of a JSON object: its name may say what its value is."""
        if isinstance(value, str) and (cut := self.blank(f"{key}: {value}")) != f"{key}: {value}":
            return cut[len(key) + 2 :]
        return self.blank_json(value)


def fitted(name: str, length: int) -> str:
    """A name made as long as what it stands for; stars alone where that is shorter."""
    return name.ljust(length, STAR) if length >= len(name) else STAR * length
