"""Why a chip does not start, in plain words: what the ROM and the second stage say, by table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache

from espmon.data import load_table


def header_as_text(header: int) -> str:
    """What a wrong image header says when it is text: `, which is the text "init"`; "" when it is not."""
    raw = header.to_bytes(4, "little")
    if all(0x20 <= byte < 0x7F or byte in (9, 10, 13) for byte in raw):
        return f', which is the text "{raw.decode("ascii").encode("unicode_escape").decode()}"'
    return ""


@lru_cache
def hint_rules() -> list[tuple[str, str, str]]:
    """Returns the rules: (stage, regular expression, plain words)."""
    rules: list[tuple[str, str, str]] = load_table(os.path.dirname(__file__), "boot_hints.json")["rules"]
    return rules


@lru_cache
def _rules(stage: str) -> tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], str], ...]]:
    """All rules of a stage: one pattern that says whether any matches, and each with its words."""
    rules = [(pattern, words) for at, pattern, words in hint_rules() if at == stage]
    return re.compile(_any_of(rule for rule, _ in rules)), tuple((re.compile(rule), words) for rule, words in rules)


def _any_of(rules: Iterable[str]) -> str:
    """One expression for all: those with the same first letter share it, so that any other letter costs little."""
    groups: dict[str, list[str]] = {}
    for rule in rules:
        plain = rule[0].isalpha() and rule[1] not in "?*+{" and "|" not in rule
        groups.setdefault(rule[0] if plain else "", []).append(rule[1:] if plain else rule)
    return "|".join(first + f"(?:{'|'.join(rest)})" for first, rest in groups.items())


def failure_hint(text: str, stage: str) -> str | None:
    """Plain words for a line that says why a chip does not start; None for any other line.

    `stage` is who said it: "rom" or "boot" (the second stage).
    """
    any_rule, rules = _rules(stage)
    if any_rule.search(text) is None:
        return None
    for pattern, words in rules:
        if match := pattern.search(text):
            groups = match.groups()
            filled = words
            for index, group in enumerate(groups, 1):
                filled = filled.replace(f"{{{index}}}", group)
            if "{text}" in filled:
                filled = filled.replace("{text}", header_as_text(int(groups[0], 16)))
            return filled
    return None
