"""What the cause register of each architecture says: `data/exception_causes.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from espmon.data import load_table


class Access(StrEnum):
    """What the processor did with the address of a fault."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"


class Cause(NamedTuple):
    """One exception."""

    name: str
    """As panics print it."""

    words: str
    """What it means."""

    access: Access | None = None
    """None where the cause does not tell."""

    has_address: bool = False
    """The fault's address is in the address register."""

    misaligned: bool = False
    """The address is no multiple of the size of the access."""

    kind: str = "exception"
    """The kind of crash: the panic handler reports watchdogs and cache errors as causes, too."""

    long_name: str = ""
    """As core dump tools print it, where that differs."""

    @property
    def title(self) -> str:
        """The name in a core dump's report."""
        return self.long_name or self.name


_TABLE: Mapping[str, Any] = load_table(__file__, "exception_causes.json")


def _cause(access: str | None = None, has_address: bool = False, **fields: Any) -> Cause:
    return Cause(**fields, access=Access(access) if access else None, has_address=has_address or access is not None)


XTENSA_CAUSES: Mapping[int, Cause] = {int(number): _cause(**row) for number, row in _TABLE["xtensa"].items()}
"""EXCCAUSE -> cause; from 64 on, numbers that the panic handler makes up."""

RISCV_CAUSES: Mapping[int, Cause] = {int(number): _cause(**row) for number, row in _TABLE["riscv"].items()}
"""MCAUSE -> cause; from 24 on, interrupts that the panic handler reports as causes."""

_CAUSES = (*XTENSA_CAUSES.values(), *RISCV_CAUSES.values())


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _by_letters() -> Mapping[str, Cause]:
    known = {_letters(name): cause for cause in _CAUSES for name in (cause.name, cause.title)}
    return {**known, **{_letters(name): known[_letters(same)] for name, same in _TABLE["other_names"].items()}}


def cause_named(name: str) -> Cause | None:
    """Returns the cause that a board calls so, however it spaces and capitalises the name; None for any other text.

    Two processors may mean the same by names that only differ in that: the name as it is goes first.
    """
    exact = next((cause for cause in reversed(_CAUSES) if cause.name == name), None)
    return exact or _by_letters().get(_letters(name))
