"""Every regular expression of the package: those that its modules hold, and those that its functions name.

What a module holds is found by following its values, and those of a demultiplexer; what stands as a literal in a call
inside a function, and how a pattern is used (`match` looks at one place, `search` at all), is read from the source.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from pathlib import Path
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

import espmon
from espmon.model.crash_kinds import crash_rules
from espmon.records import Demultiplexer
from espmon.records.events.boot_hints import _rules, hint_rules
from espmon.rom import boot_text

METHODS = frozenset({"match", "fullmatch", "search", "finditer", "findall", "sub", "subn", "split"})
ANCHORED = frozenset({"match", "fullmatch"})
"""Methods that try one place only."""


TABLES: Mapping[str, Callable[[], Iterable[str | bytes]]] = {
    "espmon.records.anchors:anchored": tuple,  # those of a demultiplexer are among the patterns that are held
    "espmon.model.crash_kinds:_first": lambda: [
        rule for name in ("kinds", "messages", "plain", "cache_faults") for rule, _ in crash_rules(name)
    ],
    "espmon.records.events.boot_hints:_rules": lambda: _hint_rules(),
    "espmon.rom.boot_text:says": lambda: boot_text.MARKS.values(),
    "espmon.rom.boot_text:_text": lambda: [boot_text.TEXT_LINE, boot_text.ROM_LINE],
    "espmon.rom.boot_text:starts": lambda: [boot_text.LOADS],
    "espmon.rom.boot_text:refusal": lambda: [boot_text.REFUSED],
}
"""Functions that compile what is not a literal -> the expressions that they compile."""


def _hint_rules() -> Iterator[str]:
    rules = hint_rules()
    yield from (rule for _, rule, _ in rules)
    for stage in {stage for stage, _, _ in rules}:
        yield _rules(stage)[0].pattern


@dataclass(frozen=True)
class Found:
    """One pattern of the package."""

    name: str
    """Module and name, for example `espmon.records.columns.HEADER`."""

    pattern: re.Pattern[Any]
    methods: frozenset[str]
    """The methods that the package calls on it; empty where the source does not tell: then it may be any."""

    @property
    def looks_once(self) -> bool:
        """Whether the package tries it at one place only."""
        return bool(self.methods) and self.methods <= ANCHORED


@cache
def modules() -> tuple[ModuleType, ...]:
    """All modules of the package, imported."""
    names = (info.name for info in pkgutil.walk_packages(espmon.__path__, "espmon."))
    return tuple(importlib.import_module(name) for name in names if not name.endswith("__main__"))


def patterns() -> list[Found]:
    """All patterns, each once, in the order of their names."""
    found: dict[re.Pattern[Any], Found] = {}
    uses = _uses()
    for name, pattern in _held(Demultiplexer(), "Demultiplexer"):
        _add(found, f"espmon.records.{name}", pattern)
    for module in modules():
        for name, pattern in _held(module):
            _add(found, f"{module.__name__}.{name}", pattern, uses.get((module.__name__, name), frozenset()))
        for call in _calls(module):
            if _needs_nothing(maker := getattr(module, call.where, None)):
                for name, pattern in _held([maker()], module.__name__):
                    _add(found, f"{module.__name__}:{call.where}.{name}", pattern)
            for text in TABLES.get(f"{module.__name__}:{call.where}", tuple)():
                _add(found, f"{module.__name__}:{call.where}", re.compile(text))
            if isinstance(call.args[0], ast.Constant) and call.where:
                pattern = re.compile(call.args[0].value)
                name = f"{module.__name__}:{call.where}:{call.line}"
                _add(found, name, pattern, frozenset({call.method} & METHODS))
    return sorted(found.values(), key=lambda one: one.name)


def made_later() -> set[str]:
    """Where functions that take arguments compile what is not a literal: `module:function`."""
    return {
        f"{module.__name__}:{call.where}"
        for module in modules()
        for call in _calls(module)
        if call.where
        and not isinstance(call.args[0], ast.Constant)
        and not _needs_nothing(getattr(module, call.where, None))
    }


def _needs_nothing(function: Any) -> TypeGuard[Callable[[], object]]:
    """True for a function with a cache that takes no arguments: it may be called for the patterns that it returns."""
    return hasattr(function, "cache_info") and not signature(function).parameters


def _add(
    found: dict[re.Pattern[Any], Found],
    name: str,
    pattern: re.Pattern[Any],
    methods: frozenset[str] = frozenset(),
) -> None:
    known = found.get(pattern)
    if known is not None:
        name, methods = min(known.name, name), known.methods | methods
    found[pattern] = Found(name, pattern, methods)


def _held(root: object, module: str = "") -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns in the values of a module or an object, with the way to them."""
    module = module or getattr(root, "__name__", "")
    seen: set[int] = set()
    stack: list[tuple[str, object]] = [(name, value) for name, value in _inside(root, module)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, re.Pattern):
            yield name, value
        elif id(value) not in seen:
            seen.add(id(value))
            stack.extend((f"{name}.{inner}", held) for inner, held in _inside(value, module))


def _inside(value: object, module: str) -> Iterator[tuple[str, object]]:
    """What a value of a module holds."""
    if isinstance(value, ModuleType):
        if value.__name__ == module:
            yield from ((name, held) for name, held in vars(value).items() if name != "__builtins__")
    elif isinstance(value, dict):
        for key, held in value.items():
            yield str(key), held
    elif isinstance(value, list | tuple | set | frozenset):
        for index, held in enumerate(value):
            yield str(index), held
    elif isinstance(value, MethodType | BuiltinMethodType):
        yield "self", value.__self__
    elif isinstance(value, FunctionType):
        if value.__module__ == module:
            yield "defaults", value.__defaults__
            yield "closure", [cell.cell_contents for cell in value.__closure__ or ()]
    elif isinstance(value, type):
        if value.__module__ == module:
            yield from vars(value).items()
    elif type(value).__module__.startswith("espmon."):
        slots = (slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ()))
        names = [*getattr(value, "__dict__", ()), *slots]
        yield from ((name, getattr(value, name, None)) for name in names)


@dataclass(frozen=True)
class _Call:
    """A call of a function of `re` in a module's source."""

    where: str
    """The function it stands in, empty at module level."""

    line: int
    method: str
    args: list[ast.expr]


@cache
def _source(module: ModuleType) -> str:
    assert module.__file__ is not None
    return Path(module.__file__).read_text(encoding="utf-8")


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(_source(module))


@cache
def _calls(module: ModuleType) -> tuple[_Call, ...]:
    """Calls of `re.compile`, `re.match` and so on."""
    if "re." not in _source(module):
        return ()

    def walk(node: ast.AST, where: str) -> Iterator[_Call]:
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else where
            if (
                isinstance(child, ast.Call)
                and isinstance(child.func, ast.Attribute)
                and isinstance(child.func.value, ast.Name)
                and child.func.value.id == "re"
                and child.func.attr in METHODS | {"compile"}
            ):
                yield _Call(where, child.lineno, child.func.attr, child.args)
            yield from walk(child, inner)

    return tuple(walk(_tree(module), ""))


def _uses() -> dict[tuple[str, str], frozenset[str]]:
    """(module, name) -> the methods that are called on that name anywhere in the package."""
    uses: dict[tuple[str, str], set[str]] = {}
    for module in modules():
        if not any(f".{method}" in _source(module) for method in METHODS):
            continue
        origin: dict[str, tuple[str, str]] = {}
        tree = _tree(module)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("espmon"):
                for alias in node.names:
                    origin[alias.asname or alias.name] = (node.module, alias.name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
                name = node.value.id
                uses.setdefault(origin.get(name, (module.__name__, name)), set()).add(node.attr)
    return {key: frozenset(methods) for key, methods in uses.items()}
