"""Rust's own mangling ("v0", RFC 2603), as readable paths; crate hashes are left out."""

from __future__ import annotations

from collections.abc import Callable

from espmon.postmortem.demangle_tables import MAX_DEPTH, MAX_RESULT, MAX_STEPS, Unreadable

MAX_LIFETIMES = 26
"""Bound lifetimes that have a letter."""

BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize",
    "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16", "u": "()", "v": "...",
    "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip
SIGNED, UNSIGNED = frozenset("aslxni"), frozenset("htmyoj")
_Read = Callable[[], str]
SPECIAL = {"C": "closure", "S": "shim"}
BASE_62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def rust_name(mangled: str) -> str:
    """The readable form of `mangled` (without its `_R`). Raises `Unreadable` or IndexError."""
    parser = _Parser(mangled)
    text = parser.path(value=True)
    if parser.pos < len(mangled):
        parser.path(value=True)  # the crate that instantiated it: of no use to a reader
    if parser.pos != len(mangled):
        raise Unreadable(mangled)
    return text


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0
        self._depth = self._steps = self._bound = 0

    # -- letters and numbers ------------------------------------------------------------------------------------

    def _fail(self) -> Unreadable:
        return Unreadable(self.text)

    def _next(self) -> str:
        letter = self.text[self.pos]
        self.pos += 1
        return letter

    def _take(self, letter: str) -> bool:
        if self.text.startswith(letter, self.pos):
            self.pos += 1
            return True
        return False

    def _base_62(self) -> int:
        """`_` is 0; otherwise digits that end with `_`, plus 1."""
        if self._take("_"):
            return 0
        value = 0
        while (letter := self._next()) != "_":
            value = value * 62 + BASE_62.index(letter) if letter in BASE_62 else self._no_digit()
        return value + 1

    def _no_digit(self) -> int:
        raise self._fail()

    def _optional(self, letter: str) -> int:
        """A base-62 number after `letter`, counted from 1; 0 when the letter is not there."""
        return self._base_62() + 1 if self._take(letter) else 0

    def _decimal(self) -> int:
        start = self.pos
        if self._take("0"):
            return 0
        while self.pos < len(self.text) and self.text[self.pos] in "0123456789":
            self.pos += 1
        if start == self.pos or self.pos - start > 6:
            raise self._fail()
        return int(self.text[start : self.pos])

    # -- identifiers --------------------------------------------------------------------------------------------

    def _identifier(self) -> tuple[str, int]:
        """(name, disambiguator)."""
        number = self._optional("s")
        return self._plain_identifier(), number

    def _plain_identifier(self) -> str:
        encoded = self._take("u")
        size = self._decimal()
        self._take("_")
        end = self.pos + size
        if end > len(self.text):
            raise self._fail()
        name, self.pos = self.text[self.pos : end], end
        if not encoded:
            return name
        try:
            # Punycode with `_` where it has `-`.
            head, mark, tail = name.rpartition("_")
            return (f"{head}-{tail}" if mark else tail).encode("ascii").decode("punycode")
        except UnicodeError:
            raise self._fail() from None

    # -- paths --------------------------------------------------------------------------------------------------

    def _deeper(self, read: _Read) -> str:
        """What `read` finds one level deeper; depth, steps and length have limits."""
        self._depth += 1
        self._steps += 1
        if self._depth > MAX_DEPTH or self._steps > MAX_STEPS:
            raise self._fail()
        text = read()
        self._depth -= 1
        if len(text) > MAX_RESULT:
            raise self._fail()
        return text

    def path(self, *, value: bool) -> str:
        """A path; generic arguments of a value have `::` before them, those of a type have none."""
        return self._deeper(lambda: self._path(value))

    def _path(self, value: bool) -> str:
        kind = self._next()
        if kind == "C":
            return self._identifier()[0]
        if kind == "M":
            self._impl_path()
            return f"<{self.type()}>"
        if kind == "X":
            self._impl_path()
            return f"<{self.type()} as {self.path(value=False)}>"
        if kind == "Y":
            return f"<{self.type()} as {self.path(value=False)}>"
        if kind == "N":
            return self._nested(value)
        if kind == "I":
            inner = self.path(value=value)
            return f"{inner}{'::' if value else ''}<{', '.join(self._until_end(self._argument))}>"
        if kind == "B":
            return self._back(lambda: self.path(value=value))
        raise self._fail()

    def _impl_path(self) -> None:
        self._optional("s")
        self.path(value=False)

    def _nested(self, value: bool) -> str:
        namespace = self._next()
        if not namespace.isalpha():
            raise self._fail()
        outer = self.path(value=value)
        name, number = self._identifier()
        if namespace.isupper():
            kind = SPECIAL.get(namespace, namespace)
            return f"{outer}::{{{kind}{':' if name else ''}{name}#{number}}}"
        return f"{outer}::{name}" if name else outer

    def _back(self, read: _Read) -> str:
        start = self.pos - 1
        target = self._base_62()
        if target >= start:
            raise self._fail()
        after, self.pos = self.pos, target
        text = read()
        self.pos = after
        return text

    def _until_end(self, read: _Read) -> list[str]:
        found: list[str] = []
        while not self._take("E"):
            found.append(self._deeper(read))
        return found

    # -- generic arguments, types -------------------------------------------------------------------------------

    def _argument(self) -> str:
        if self._take("L"):
            return self._lifetime()
        if self._take("K"):
            return self._constant()
        return self.type()

    def _lifetime(self) -> str:
        index = self._base_62()
        if not index:
            return "'_"
        if index > self._bound:
            raise self._fail()
        return "'" + chr(ord("a") + self._bound - index)

    def type(self) -> str:
        """A type."""
        return self._deeper(self._type)

    def _type(self) -> str:
        kind = self._next()
        if kind in BASIC:
            return BASIC[kind]
        if kind == "A":
            return f"[{self.type()}; {self._constant()}]"
        if kind == "S":
            return f"[{self.type()}]"
        if kind == "T":
            parts = self._until_end(self.type)
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        if kind in "RQ":
            lifetime = self._lifetime() if self._take("L") else "'_"
            shown = "" if lifetime == "'_" else f"{lifetime} "
            return f"&{shown}{'mut ' if kind == 'Q' else ''}{self.type()}"
        if kind in "PO":
            return f"*{'const' if kind == 'P' else 'mut'} {self.type()}"
        if kind == "F":
            return self._with_binder(self._function)
        if kind == "D":
            bounds = "dyn " + self._with_binder(lambda: " + ".join(self._until_end(self._dyn_trait)))
            if not self._take("L"):
                raise self._fail()
            lifetime = self._lifetime()
            return bounds if lifetime == "'_" else f"{bounds} + {lifetime}"
        if kind == "B":
            return self._back(self.type)
        self.pos -= 1
        return self.path(value=False)

    def _with_binder(self, read: _Read) -> str:
        count = self._optional("G")
        if not count:
            return read()
        if self._bound + count > MAX_LIFETIMES:
            raise self._fail()
        names = ", ".join("'" + chr(ord("a") + self._bound + index) for index in range(count))
        self._bound += count
        text = read()
        self._bound -= count
        return f"for<{names}> {text}"

    def _function(self) -> str:
        unsafe = "unsafe " if self._take("U") else ""
        abi = ""
        if self._take("K"):
            name = "C" if self._take("C") else self._plain_identifier().replace("_", "-")
            abi = f'extern "{name}" '
        parameters = ", ".join(self._until_end(self.type))
        result = "" if self._take("u") else f" -> {self.type()}"
        return f"{unsafe}{abi}fn({parameters}){result}"

    def _dyn_trait(self) -> str:
        text = self.path(value=False)
        bindings: list[str] = []
        while self._take("p"):
            name = self._plain_identifier()
            bindings.append(f"{name} = {self.type()}")
        if not bindings:
            return text
        if text.endswith(">") and not text.startswith("<"):
            return f"{text[:-1]}, {', '.join(bindings)}>"
        return f"{text}<{', '.join(bindings)}>"

    def _constant(self) -> str:
        return self._deeper(lambda: self._constant_of(self._next()))

    def _constant_of(self, kind: str) -> str:
        if kind == "p":
            return "_"
        if kind == "B":
            return self._back(self._constant)
        negative = kind in SIGNED and self._take("n")
        digits = ""
        while (letter := self._next()) != "_":
            digits += letter if letter in "0123456789abcdef" else str(self._no_digit())
        if kind in SIGNED or kind in UNSIGNED:
            number = int(digits or "0", 16)
            # What does not fit 64 bits stays hexadecimal.
            return ("-" if negative else "") + (str(number) if number < 1 << 64 else f"0x{digits}")
        if kind == "b" and digits in ("0", "1"):
            return "true" if digits == "1" else "false"
        if kind == "c" and digits and int(digits, 16) < 0x110000:
            return repr(chr(int(digits, 16)))
        raise self._fail()
