"""What the chip table can say about names and features: fields in fuses, conditions on them, texts that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


def number(value: str | int) -> int:
    """A number of the table: as it is, or hexadecimal text."""
    return value if isinstance(value, int) else int(value, 16)


class Condition(NamedTuple):
    """Fields that must have one of some values, or at least a minimum."""

    values: tuple[tuple[str, tuple[int, ...]], ...]
    minimums: tuple[tuple[str, int], ...]

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> Condition:
        """Read `{field: [values] or {"min": n}}`."""
        return cls(
            tuple((name, tuple(want)) for name, want in source.items() if isinstance(want, list)),
            tuple((name, want["min"]) for name, want in source.items() if not isinstance(want, list)),
        )

    @property
    def fields(self) -> Iterator[str]:
        """The names it looks at."""
        yield from (name for name, _ in self.values)
        yield from (name for name, _ in self.minimums)

    def holds(self, fields: Mapping[str, int]) -> bool:
        """Whether all parts hold."""
        return all(fields[name] in want for name, want in self.values) and all(
            fields[name] >= least for name, least in self.minimums
        )


ALWAYS = Condition((), ())


class Field(NamedTuple):
    """A number spread over registers."""

    parts: tuple[tuple[int, int, int, int], ...]
    """(register, source bit, width, destination bit), to be ORed."""

    map: Mapping[int, int] | None
    map_else: int
    zero_when: Condition | None
    names: Mapping[int, str]
    """Words for the values, where there are any (vendors)."""

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> Field:
        """Read a field entry; a constant one is not kept in any register."""
        return cls(
            tuple((number(register), lsb, width, to) for register, lsb, width, to in source.get("parts", ())),
            {int(key): value for key, value in source["map"].items()} if "map" in source else None,
            int(source.get("map_else", source.get("const", 0))),
            Condition.load(source["zero_when"]) if "zero_when" in source else None,
            {int(key): value for key, value in source.get("names", {}).items()},
        )


class NameRule(NamedTuple):
    """Text for the chip's name when a condition holds."""

    when: Condition
    text: str
    append: tuple[tuple[str, Mapping[int, str], str], ...]
    """(field, value -> text, text for any other value), added in order."""

    suffix: tuple[Condition, str] | None

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> NameRule:
        """Read a name rule."""
        suffix = source.get("suffix")
        return cls(
            Condition.load(source.get("when", {})),
            source["text"],
            tuple(
                (item["field"], {int(value): text for value, text in item["map"].items()}, item.get("else", "?"))
                for item in source.get("append", ())
            ),
            (Condition.load(suffix["when"]), suffix["text"]) if suffix else None,
        )


class FeatureRule(NamedTuple):
    """One feature, fixed, conditional or looked up."""

    when: Condition
    text: str | None
    field: str | None
    map: Mapping[int, str | None]
    other: str | None
    """What is said of values that the map has not."""

    vendor: str | None
    """The field whose name follows in brackets."""

    vendor_always: bool
    """The vendor is named for values that the map has not, too."""

    @classmethod
    def load(cls, source: str | Mapping[str, Any]) -> FeatureRule:
        """Read a feature entry."""
        if isinstance(source, str):
            return cls(ALWAYS, source, None, {}, None, None, False)
        return cls(
            Condition.load(source.get("when", {})),
            source.get("text"),
            source.get("field"),
            {int(key): text for key, text in source.get("map", {}).items()},
            source.get("else"),
            source.get("vendor"),
            bool(source.get("vendor_always", False)),
        )
