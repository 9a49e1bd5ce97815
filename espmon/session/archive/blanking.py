"""What is taken out of a log before others see it: passwords, keys, networks, addresses, and what the user adds.

A value becomes stars behind a name for it, of the same length where there is room: the same value has the same name
everywhere, so that what belongs together still does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from espmon.records.record import JsonObject
from espmon.user_pattern import PatternError, PatternTooSlow, UserPattern

NAMES = (
    r"(?:passw(?:or)?d|passphrase|\bpass|\bpsk|\bpwd?|secret|token|bearer"
    r"|(?:api|access|auth|private|secret|shared|encryption)[_ -]?key)"
)
"""What stands before a password."""

WORDS = ("pass", "psk", "pw", "secret", "token", "bearer", "key")
"""One of which is in each of them."""


class Rule(NamedTuple):
    """One way in which secrets are printed."""

    kind: str
    words: tuple[str, ...]
    """One of these is in each line that has it, in lower case: looking for them costs next to nothing."""

    pattern: re.Pattern[str]


RULES: tuple[Rule, ...] = (
    Rule("key", ("-----begin",), re.compile(r"-----BEGIN [A-Z ]*(?:KEY|CERTIFICATE)-----(?:[^-]|-(?!----))*")),
    Rule("key", ("eyj",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]++)?")),
    Rule(
        "key",
        ("key",),
        re.compile(
            r"(?i)key\b[\"']?\s{0,4}[:=]\s{0,4}[\"'{]?((?:0x)?[0-9a-f]{2}(?:[ :,-]{0,2}(?:0x)?[0-9a-f]{2}){7,255})"
        ),
    ),
    Rule("login", ("://",), re.compile(r"://([^/\s:@]{1,100}:[^/\s@]{1,200})@")),
    Rule(
        "login",
        ("authorization",),
        re.compile(r"(?i)\bauthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:basic|digest)\s{1,4}([^\s\"',;]{1,200})"),
    ),
    Rule(
        "login", ("ap=", "ap:", "ap_"), re.compile(r"(?i)\+CW[JS]AP(?:_\w{1,8})?[:=](\"[^\"]{0,64}\",\"[^\"]{0,128}\")")
    ),
    Rule(
        "login",
        ("join", "sta_connect", "ap_set"),
        re.compile(r"(?:^|[>$#] ?)(?:join|sta_connect|ap_set)[ \t]{1,4}([^\r\n]{1,200})"),
    ),
    Rule("password", WORDS, re.compile(rf"(?i){NAMES}[\"']?\s{{0,4}}[:=]?\s{{0,4}}([\"'])([^\"'\x1b\r\n]{{1,200}})\1")),
    Rule(
        "password",
        WORDS,
        re.compile(
            rf"(?i){NAMES}[\"']?(?:\s*[:=]\s*|\s+is\s+)[\"'<\[]?"
            r"([^\s\"',;>\]\x1b]{1,200}(?:[ ](?![\w -]{1,20}[:=])[^\s\"',;>\]\x1b]{1,200}){0,15})"
        ),
    ),
    Rule(
        "password",
        ("pass", "psk", "pw", "bearer"),
        re.compile(r"(?i)(?:passw(?:or)?d|passphrase|\bpsk|\bpwd?|bearer)\s+[<\[]?([^\s\"',;>\]:=\x1b]{1,200})"),
    ),
    Rule(
        "ssid",
        ("ssid",),
        re.compile(
            r"(?i)\bssid\b[\"']?(?:\s*+[:=]\s*+|\s++)[\"'<\[]?"
            r"(.{1,32}?)(?=[\"'>\],;\r\n\x1b]|\s+(?:pass|psk|pwd?\b|chan|bssid|rssi|auth)|\s*$)"
        ),
    ),
    Rule("ssid", ("wifi:connected",), re.compile(r"wifi:connected with (.{1,32}?), aid = ")),
    Rule("ssid", ("connecting to",), re.compile(r"_connect: Connecting to (.{1,32}?)\.\.\.")),
    Rule("mac", (":", "-"), re.compile(r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")),
    Rule("mac", ("mac", "bssid", "bda"), re.compile(r"(?i)\b(?:mac|bssid|bda)\b[^0-9A-Za-z\r\n]{1,4}([0-9a-f]{12})\b")),
    Rule(
        "address",
        (".",),
        re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\d)"),
    ),
    Rule("address", (":",), re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Fa-f:])")),
    Rule(
        "address",
        (":",),
        re.compile(r"(?i)(?<![0-9a-f:])(?:fe80|2[0-9a-f]{3}|f[cd][0-9a-f]{2})(?::[0-9a-f]{0,4}){2,7}"),
    ),
)
"""The last group of a pattern is what is taken out, where there is one."""

MAX_VALUES = 100_000
"""Different values that get names of their own; those beyond share one."""

STAR = "*"

NAMED = re.compile(r"<([\w-]{1,20}?)(?:-\d{1,9})?>\**")
"""What a value becomes."""


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
        self._kinds = {rule.kind for rule in RULES} | {"keys", "coredump"}
        self._own: list[tuple[str, UserPattern]] = []
        for kind, expression in (rules or {}).items():
            try:
                name = re.sub(r"\W+", "-", kind)[:20]
                self._own.append((name, UserPattern(kind, expression)))
                self._kinds.add(name)
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
        lower = text.lower()
        for kind, words, pattern in RULES:
            if not any(word in lower for word in words):
                continue
            for match in pattern.finditer(text):
                start, end = match.span(pattern.groups)
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
            if start < at or start == end or not text[start:end].strip(STAR) or self._is_name(text, start, end):
                continue
            parts += [text[at:start], self._named(kind, text[start:end])]
            at = end
        return "".join([*parts, text[at:]]) if parts else text

    def _is_name(self, text: str, start: int, end: int) -> bool:
        """Whether a value is what another one was made into before."""
        match = NAMED.match(text, start - 1 if text[start - 1 : start] == "<" else start)
        return match is not None and end <= match.end() + 1 and match[1] in self._kinds

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
