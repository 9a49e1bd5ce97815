"""The grammar of the Itanium C++ ABI's mangled names, without expressions."""

from __future__ import annotations

from espmon.postmortem.demangle_tables import (
    BUILTIN,
    BUILTIN_D,
    LITERAL_SUFFIX,
    MAX_DEPTH,
    MAX_RESULT,
    MAX_STEPS,
    OPERATORS,
    SPECIAL,
    STANDARD,
    STANDARD_CLASS,
    STANDARD_FULL,
    Unreadable,
)

Type = tuple[str, str]
"""What stands left and right of the name a type declares."""


class Parser:
    """Reads one mangled name (without its `_Z`); raises `Unreadable` or IndexError where it cannot."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0
        self.known: list[Type] = []
        self.arguments: list[str] = []
        self.depth = self.steps = 0
        self.inside_type = 0
        self.has_return = False
        self.qualifiers = ""

    def _peek(self, size: int = 1) -> str:
        return self.text[self.pos : self.pos + size]

    def _take(self, text: str) -> bool:
        if self.text.startswith(text, self.pos):
            self.pos += len(text)
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise Unreadable

    def _deeper(self) -> None:
        self.depth += 1
        self.steps += 1
        if self.depth > MAX_DEPTH or self.steps > MAX_STEPS:
            raise Unreadable

    def _remember(self, kind: Type) -> Type:
        if len(kind[0]) + len(kind[1]) > MAX_RESULT:
            raise Unreadable
        self.known.append(kind)
        return kind

    def encoding(self, local: bool = False) -> str:
        """Read a function's or variable's name with its parameters; without its return type when it is `local`."""
        self._deeper()
        inside_type, self.inside_type = self.inside_type, 0
        try:
            if self._peek(2) in SPECIAL:
                prefix = SPECIAL[self._peek(2)]
                self.pos += 2
                return prefix + self._shown()
            if self._take("GV"):
                return "guard variable for " + self._name()
            if self._peek(2) in ("Th", "Tv", "Tc"):
                return self._thunk()
            self.has_return = False
            self.qualifiers = ""
            name = self._name()
            qualifiers, has_return = self.qualifiers, self.has_return
            if self.pos >= len(self.text) or self._peek() == "E":
                return name
            left, right = self._any_type() if has_return else ("", "")
            if local:
                left = right = ""
            return f"{left}{' ' if left else ''}{name}({self._parameters()}){qualifiers}{right}"
        finally:
            self.inside_type = inside_type
            self.depth -= 1

    def _thunk(self) -> str:
        kinds = {"Th": "non-virtual thunk to ", "Tv": "virtual thunk to ", "Tc": "covariant return thunk to "}
        prefix = kinds[self._peek(2)]
        self.pos += 2 if prefix[0] == "c" else 1
        for _ in range(2 if prefix[0] == "c" else 1):
            fields = 2 if self._peek() == "v" else 1
            self.pos += 1
            for _ in range(fields):
                self._number()
                self._need("_")
        return prefix + self.encoding()

    def _parameters(self) -> str:
        shown: list[str] = []
        while self.pos < len(self.text) and self._peek() != "E":
            shown.append(self._shown())
        return "" if shown == ["void"] else ", ".join(part for part in shown if part)

    def _number(self) -> int:
        negative = self._take("n")
        start = self.pos
        while self._peek().isdigit():
            self.pos += 1
        if start == self.pos:
            raise Unreadable
        value = int(self.text[start : self.pos])
        return -value if negative else value

    def _source_name(self) -> str:
        size = self._number()
        name = self.text[self.pos : self.pos + size]
        if len(name) != size or size <= 0:
            raise Unreadable
        self.pos += size
        return "(anonymous namespace)" if name.startswith("_GLOBAL__N") else name

    def _name(self) -> str:
        self._deeper()
        try:
            if self._peek() == "N":
                return self._nested()
            if self._peek() == "Z":
                return self._local()
            if self._peek() == "S" and self._peek(2) != "St":
                name = self._substitution()[0]
                if self._peek() != "I":
                    raise Unreadable
                self.has_return = True
                return name + self._template_arguments()
            prefix = "std::" if self._take("St") else ""
            name = prefix + self._unqualified("")
            self.has_return = False
            if self._peek() == "I":
                self._remember((name, ""))
                name += self._template_arguments()
                self.has_return = not self.is_special
            return name
        finally:
            self.depth -= 1

    is_special = False

    def _local(self) -> str:
        self._need("Z")
        outer = self.encoding(local=True)
        self._need("E")
        if self._take("s"):
            inner = "string literal"
        else:
            if self._take("d"):
                if self._peek() != "_":
                    self._number()
                self._need("_")
            self.has_return = False
            inner = self._name()
        kept = self.has_return
        if self._take("_"):
            if self._take("_"):
                self._number()
                self._need("_")
            else:
                self._number()
        self.has_return = kept
        return f"{outer}::{inner}"

    def _nested(self) -> str:
        self._need("N")
        qualifiers = ""
        for letter, text in (("r", " restrict"), ("V", " volatile"), ("K", " const")):
            if self._take(letter):
                qualifiers = text + qualifiers
        if self._take("R"):
            qualifiers += " &"
        elif self._take("O"):
            qualifiers += " &&"
        prefix, last, has_return = "", "", False
        while not self._take("E"):
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise Unreadable
            letter = self._peek()
            if letter == "S" and self._peek(2) != "St":
                key = self._peek(2)
                prefix = self._substitution()[0]
                if self._peek() in ("C", "D"):
                    prefix = STANDARD_FULL.get(key, prefix)
                last = STANDARD_CLASS.get(key, prefix.rsplit("::", 1)[-1].split("<")[0])
                continue
            if letter == "I":
                prefix += self._template_arguments()
                has_return = not self.is_special
            elif letter == "T" and self._peek(2) != "Te":
                prefix = self._template_parameter()[0]
                last = prefix
            elif letter == "D" and self._peek(2) in ("Dt", "DT"):
                raise Unreadable
            else:
                if self._take("St"):
                    prefix = "std"
                    continue
                if self._take("M"):
                    continue
                last = self._unqualified(last)
                prefix = f"{prefix}::{last}" if prefix else last
                has_return = False
            if self._peek() != "E":
                self._remember((prefix, ""))
        self.qualifiers = qualifiers
        self.has_return = has_return
        return prefix

    def _unqualified(self, enclosing: str) -> str:
        """Read one part of a name; `enclosing` names the class, for constructors."""
        self.is_special = False
        if self._take("L"):
            pass
        letter = self._peek()
        if letter.isdigit():
            name = self._source_name()
        elif letter == "C" and self._peek(2)[1:] in tuple("12345"):
            self.pos += 2
            self.is_special = True
            name = enclosing
        elif letter == "D" and self._peek(2)[1:] in tuple("01245"):
            self.pos += 2
            self.is_special = True
            name = f"~{enclosing}"
        elif letter == "U":
            name = self._unnamed()
        else:
            code = self._peek(2)
            if code == "cv":
                self.pos += 2
                self.is_special = True
                name = f"operator {self._shown()}"
            elif code == "li":
                self.pos += 2
                name = f'operator"" {self._source_name()}'
            elif code in OPERATORS:
                self.pos += 2
                name = f"operator{OPERATORS[code]}"
            else:
                raise Unreadable
        while self._take("B"):
            name += f"[abi:{self._source_name()}]"
        return name

    def _unnamed(self) -> str:
        if self._take("Ut"):
            return f"{{unnamed type#{self._ordinal()}}}"
        self._need("Ul")
        shown = self._parameters()
        self._need("E")
        return f"{{lambda({shown})#{self._ordinal()}}}"

    def _ordinal(self) -> int:
        value = 1 if self._peek() == "_" else self._number() + 2
        self._need("_")
        return value

    def _sequence(self) -> int:
        if self._take("_"):
            return 0
        value = 0
        while (letter := self._peek()) != "_":
            if not letter or not (letter.isdigit() or "A" <= letter <= "Z"):
                raise Unreadable
            value = value * 36 + int(letter, 36)
            self.pos += 1
        self.pos += 1
        return value + 1

    def _substitution(self) -> Type:
        if self._peek(2) in STANDARD:
            name = STANDARD[self._peek(2)]
            self.pos += 2
            return (name, "")
        self._need("S")
        index = self._sequence()
        if index >= len(self.known):
            raise Unreadable
        return self.known[index]

    def _template_parameter(self) -> Type:
        self._need("T")
        index = self._sequence()
        if index >= len(self.arguments):
            raise Unreadable
        return (self.arguments[index], "")

    def _template_arguments(self) -> str:
        self._need("I")
        self._deeper()
        special = self.is_special
        shown: list[str] = []
        self.inside_type += 1
        while not self._take("E"):
            shown.append(self._template_argument())
        self.inside_type -= 1
        if not self.inside_type:
            self.arguments = shown  # those of the function itself: what T_ stands for in its type
        self.depth -= 1
        self.is_special = special
        inside = ", ".join(part for part in shown if part)
        return f"<{inside}{' ' if inside.endswith('>') else ''}>"

    def _template_argument(self) -> str:
        if self._take("J"):
            pack: list[str] = []
            while not self._take("E"):
                pack.append(self._template_argument())
            return ", ".join(part for part in pack if part)
        if self._peek() == "L":
            return self._literal()
        if self._peek() == "X":
            raise Unreadable
        return self._shown()

    def _literal(self) -> str:
        self._need("L")
        if self._take("_Z"):
            text = self.encoding()
            self._need("E")
            return text
        code = self._peek()
        kind = self._shown()
        if kind == "bool":
            value = {"0": "false", "1": "true"}.get(self._peek())
            if value is None:
                raise Unreadable
            self.pos += 1
        elif kind == "decltype(nullptr)":
            self._take("0")
            value = "(decltype(nullptr))0"
        else:
            number = self._number()
            value = f"{number}{LITERAL_SUFFIX[code]}" if code in LITERAL_SUFFIX else f"({kind}){number}"
        self._need("E")
        return value

    def _shown(self) -> str:
        left, right = self._any_type()
        return left + right

    def _any_type(self) -> Type:
        self._deeper()
        self.inside_type += 1
        try:
            return self._type()
        finally:
            self.inside_type -= 1
            self.depth -= 1

    def _type(self) -> Type:
        letter = self._peek()
        if letter in BUILTIN:
            self.pos += 1
            return (BUILTIN[letter], "")
        if letter in "rVK" and letter:
            qualifiers = ""
            for mark, text in (("r", " __restrict"), ("V", " volatile"), ("K", " const")):
                if self._take(mark):
                    qualifiers = text + qualifiers
            left, right = self._any_type()
            return self._remember((left, right + qualifiers) if right.startswith("(") else (left + qualifiers, right))
        if letter in "PRO" and letter:
            self.pos += 1
            mark = {"P": "*", "R": "&", "O": "&&"}[letter]
            left, right = self._any_type()
            if mark != "*" and left.endswith("(&"):
                return self._remember((left, right))
            if right.startswith((" [", "(")):
                return self._remember((f"{left.rstrip()} ({mark}", f"){right}"))
            if left.endswith("&") and not right:
                mark = "" if left.endswith("&") and not left.endswith("&&") else mark
                return self._remember((left if letter != "R" else left.rstrip("&") + "&", right))
            return self._remember((left + mark, right))
        if letter == "F":
            self.pos += 1
            self._take("Y")
            left, right = self._any_type()
            shown = self._parameters()
            self._need("E")
            return self._remember((f"{left}{right} " if not right else left + right, f"({shown})"))
        if letter == "A":
            self.pos += 1
            size = str(self._number()) if self._peek().isdigit() else ""
            self._need("_")
            left, right = self._any_type()
            return self._remember((left, f" [{size}]{right.lstrip()}"))
        if letter == "M":
            self.pos += 1
            owner = self._shown()
            left, right = self._any_type()
            if right.startswith("("):
                return self._remember((f"{left.rstrip()} ({owner}::*", f"){right}"))
            return self._remember((f"{left} {owner}::*", right))
        if letter == "D":
            return self._d_type()
        if letter == "T":
            kind = self._remember(self._template_parameter())
            if self._peek() == "I":
                return self._remember((kind[0] + self._template_arguments(), ""))
            return kind
        if letter == "S" and self._peek(2) != "St":
            kind = self._substitution()
            if self._peek() == "I":
                return self._remember((kind[0] + self._template_arguments(), ""))
            return kind
        if letter == "U" and self._peek(2) not in ("Ul", "Ut"):
            raise Unreadable
        qualifiers, has_return = self.qualifiers, self.has_return
        kind = (self._name(), "")
        self.qualifiers, self.has_return = qualifiers, has_return
        return self._remember(kind)

    def _d_type(self) -> Type:
        code = self._peek(2)[1:]
        if code == "F":
            self.pos += 2
            bits = self._number()
            self._need("_")
            return (f"_Float{bits}", "")
        if code == "p":
            self.pos += 2
            return self._any_type()
        if code in ("o", "O", "w", "t", "T", "v"):
            raise Unreadable
        if code in BUILTIN_D:
            self.pos += 2
            return (BUILTIN_D[code], "")
        raise Unreadable
