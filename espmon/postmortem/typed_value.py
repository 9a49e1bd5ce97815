"""A value with its type: a number, a text, a pointer and what it points to, or members that are values again."""

from __future__ import annotations

from typing import NamedTuple

SHOWN_MEMBERS, SHOWN_ELEMENTS, SHOWN_DEPTH = 12, 16, 3
"""How much of a value is written on one line; the rest is folded to `...`."""


class Field(NamedTuple):
    """A member of a structure (`name` None: it has none) or an element of an array (`name` its index)."""

    name: str | None
    value: TypedValue


class TypedValue(NamedTuple):
    """A value of the program.

    Attributes:
        type: as the program's language writes it: `const char *`, `struct config[4]`.
        kind: "integer", "float", "boolean", "character", "enumerator", "pointer", "reference", "text", "structure",
            "union", "array", or "bytes" for what no type describes.
        number: of the first eight kinds, None where it is not known.
        text: the number, the name of the enumerator, the text; for pointers the name or the text they point to.
        fields: members or elements; base classes are members named `<Base>`.
        target: what a pointer leads to, where that is a value and in the dump.
        note: why it is not known; empty where it is.
        left_out: members or elements that are not here.
    """

    type: str
    kind: str
    number: int | float | None = None
    text: str = ""
    fields: tuple[Field, ...] = ()
    target: TypedValue | None = None
    note: str = ""
    left_out: int = 0

    @property
    def known(self) -> bool:
        """Whether there is a value at all: of a structure, whether any member is known."""
        if self.fields:
            return any(field.value.known for field in self.fields)
        return not self.note

    def to_text(self, depth: int = 0) -> str:
        """Return the value on one line, folded where it is long; what pointers lead to is left out."""
        if self.note and not self.fields:
            return f"<{self.note}>"
        if self.kind in ("structure", "union", "array"):
            return self._folded(depth)
        if self.kind in ("pointer", "reference") and self.number is not None:
            address = f"0x{int(self.number):08x}"
            return f"{address} {self.text}" if self.text else address
        return self.text

    def _folded(self, depth: int) -> str:
        if depth >= SHOWN_DEPTH:
            return "{...}"
        most = SHOWN_ELEMENTS if self.kind == "array" else SHOWN_MEMBERS
        shown: list[str] = []
        for field in self.fields[:most]:
            text = field.value.to_text(depth + 1)
            shown.append(text if self.kind == "array" or field.name is None else f"{field.name} = {text}")
        if self.left_out or len(self.fields) > most:
            shown.append("...")
        return "{" + ", ".join(shown) + "}"

    def lines(self, name: str, indent: int = 0) -> list[str]:
        """Return the value over several lines, members below each other, with what pointers lead to."""
        space = "  " * indent
        head = f"{space}{name} ({self.type}) = "
        if self.kind not in ("structure", "union", "array") or not self.fields or len(self.to_text()) <= 60:
            found = [head + self.to_text()]
        else:
            found = [head.rstrip(" =")]
            for field in self.fields:
                label = f"[{field.name}]" if self.kind == "array" else field.name or "<unnamed>"
                found += field.value.lines(label, indent + 1)
            if self.left_out:
                found.append(f"{space}  ... {self.left_out} more")
        if self.target is not None:
            found += self.target.lines(f"*{name}", indent + 1)
        return found

    def to_json(self) -> dict[str, object]:
        """The value as reports have it: keys that say nothing are left out."""
        told: dict[str, object] = {"type": self.type, "kind": self.kind}
        if self.number is not None:
            address = self.kind in ("pointer", "reference")
            told["number"] = f"0x{int(self.number):08x}" if address else self.number
        if self.text:
            told["text"] = self.text
        if self.kind in ("structure", "union"):
            told["members"] = [{"name": field.name, **field.value.to_json()} for field in self.fields]
        elif self.kind == "array":
            told["elements"] = [field.value.to_json() for field in self.fields]
        if self.target is not None:
            told["target"] = self.target.to_json()
        if self.note:
            told["note"] = self.note
        if self.left_out:
            told["left_out"] = self.left_out
        return told
