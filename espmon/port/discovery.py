"""Finding ports, by pyserial's list: nothing here opens one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from espmon.data import load_table
from espmon.model.chip_identity import chip_identities
from espmon.port import platform
from espmon.port.device_registry import NICKNAME, DeviceRegistry, device_key
from espmon.port.port_error import PortError, PortErrorKind

MAX_TEXT = 200
"""Most characters taken of a text that a USB device says about itself."""

MAX_PORTS_NAMED = 5
"""Most ports listed in one message."""

Source = Callable[[], Iterable[Any]]
"""Gives objects like `serial.tools.list_ports_common.ListPortInfo`."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One serial port. Texts are "" and numbers None when the system does not tell."""

    device: str
    """What to open: /dev/ttyUSB0, COM3."""

    kind: str
    """usb-serial-jtag, usb-otg, usb-uart, usb, uart or legacy."""

    rank: int
    """0 is likeliest an ESP board."""

    reason: str
    """Why it is ranked there, in plain words."""

    chip_guess: str = ""
    """The chips that it can be, judged by USB ids alone."""

    vid: int | None = None
    pid: int | None = None
    serial_number: str = ""
    location: str = ""
    """The place on the USB bus, such as 1-1.4."""

    product: str = ""
    manufacturer: str = ""
    by_id: str = ""
    """A name that survives replugging (/dev/serial/by-id/...)."""

    nickname: str = ""
    """From the device registry."""

    @property
    def key(self) -> str:
        """Its key in the device registry, "" when it has none."""
        return device_key(self.serial_number, self.location)

    def to_json(self) -> dict[str, Any]:
        """All fields and the key, as a dictionary."""
        return {**asdict(self), "key": self.key}


@cache
def _table() -> Mapping[str, Any]:
    # A cache of a constant file is not state: nothing writes to it.
    table: Mapping[str, Any] = load_table(__file__, "usb_devices.json")
    return table


def _system_ports() -> Iterable[Any]:
    from serial.tools import list_ports as system

    ports: Iterable[Any] = system.comports()
    return ports


def _text(value: object) -> str:
    """A device's own words on one line: whatever is not printable becomes `?`."""
    words = str(value or "")[:MAX_TEXT]
    return "".join(character if character.isprintable() else "?" for character in words).strip()


def _row(device: str, vid: int | None, pid: int | None) -> Mapping[str, Any]:
    table = _table()
    if vid is None:
        legacy = any(fnmatchcase(device, pattern) for pattern in table["legacy_names"])
        row: Mapping[str, Any] = table["legacy" if legacy else "other"]
        return row
    if pid is not None and vid == own_vendor() and pid in _own_usb():
        return _own_usb()[pid]
    for known in table["known"]:
        if int(known["vendor"], 16) == vid and _is_product(known.get("product"), pid):
            found: Mapping[str, Any] = known
            return found
    other: Mapping[str, Any] = table["other_usb"]
    return other


def factory_serials() -> frozenset[str]:
    """Serial numbers that many devices of one kind have."""
    return frozenset(_table()["factory_serials"])


def own_vendor() -> int:
    """The vendor number of what chips are on USB by themselves."""
    return int(_table()["own"]["vendor"], 16)


@cache
def _own_usb() -> Mapping[int, Mapping[str, Any]]:
    """Product number -> row, of the USB that chips have themselves."""
    named: dict[tuple[int, str], list[str]] = {}
    for chip in chip_identities().values():
        for kind, product in chip.usb_products.items():
            named.setdefault((product, kind), []).append(chip.name)
    return {
        product: {**_table()["own"][kind], "kind": kind, "chip": _one_of(names)}
        for (product, kind), names in named.items()
    }


def _one_of(names: Sequence[str]) -> str:
    """ "ESP32-S3, C3 or C6" of the names of chips."""
    short = [names[0], *(name.removeprefix("ESP32-") for name in names[1:])]
    return " or ".join(part for part in (", ".join(short[:-1]), short[-1]) if part)


def _is_product(products: str | None, pid: int | None) -> bool:
    """Whether a product number is the one of a row, or between the two of a row; a row without is for all."""
    if products is None:
        return True
    first, _, last = products.partition("-")
    return pid is not None and int(first, 16) <= pid <= int(last or first, 16)


def _info(port: Any, stable: Mapping[str, str]) -> PortInfo:
    row = _row(port.device, port.vid, port.pid)
    return PortInfo(
        device=port.device,
        kind=row["kind"],
        rank=row["rank"],
        reason=row["reason"],
        chip_guess=row.get("chip", ""),
        vid=port.vid,
        pid=port.pid,
        serial_number=_text(port.serial_number),
        location=_text(port.location),
        product=_text(port.product or ("" if port.description in (None, "n/a") else port.description)),
        manufacturer=_text(port.manufacturer),
        by_id=stable.get(os.path.realpath(port.device), ""),
    )


def usb_words(vid: int, pid: int) -> str:
    """What a USB device is, as far as its numbers say."""
    row = _row("", vid, pid)
    chip = row.get("chip", "")
    return f"{row['reason']}{f' of an {chip}' if chip else ''} ({vid:04x}:{pid:04x})"


def _natural(device: str) -> tuple[object, ...]:
    head = device.rstrip("0123456789")
    return head, int(device[len(head) :] or 0)


def list_ports(
    registry: DeviceRegistry | None = None, *, show_all: bool = False, source: Source = _system_ports
) -> list[PortInfo]:
    """The ports of this machine, the likeliest ESP board first. Reads the system's list only; may take some ms.

    Args:
        registry: gives the nicknames.
        show_all: legacy ports (ttyS0, ...) too.
        source: where the list comes from.
    """
    stable = platform.stable_names()
    ports = [_info(port, stable) for port in source()]
    if registry is not None:
        names = {device.key: device.nickname for device in registry.devices()}
        ports = [replace(port, nickname=names.get(port.key, "")) for port in ports]
    if not show_all:
        ports = [port for port in ports if port.kind != "legacy" or port.nickname]
    return sorted(ports, key=lambda port: (port.rank, _natural(port.device)))


def _listed(ports: Sequence[PortInfo]) -> str:
    names = [f"{port.device} ({port.product or port.reason})" for port in ports[:MAX_PORTS_NAMED]]
    more = len(ports) - MAX_PORTS_NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def missing_hint(name: str, ports: Sequence[PortInfo]) -> str:
    """What is there instead of `name`: the nearest names, or all there is."""
    if not ports:
        return "No serial port is connected: check the cable (some only charge) and the board's power"
    import difflib  # only for a name that is not there

    words = {
        word: port for port in ports for word in (port.device, port.nickname, os.path.basename(port.device)) if word
    }
    near = difflib.get_close_matches(name, words, n=1, cutoff=0.85)
    if near:
        return f"Did you mean {words[near[0]].device}? Connected now: {_listed(ports)}"
    return f"Connected now: {_listed(ports)}"


def _only(name: str, what: str, found: Sequence[PortInfo]) -> str | None:
    if len(found) > 1:
        raise PortError(
            PortErrorKind.AMBIGUOUS,
            f"{name} means {len(found)} ports by {what}: {_listed(found)}",
            "Name one of them; where serial numbers are equal, use the location",
        )
    return found[0].device if found else None


def resolve(name: str, registry: DeviceRegistry | None = None, *, source: Source = _system_ports) -> str:
    """What to open for the name of a port: a nickname, device path, by-id name, USB serial number, location or URL.

    A path or URL is given back as it is. Several matches raise `PortError` AMBIGUOUS with their names, none raises
    MISSING with what is there instead. Reads files and the system's list; opens nothing.
    """
    if name.lower().startswith("hwgrep://"):
        return _grep(name, source)
    if "://" in name:
        return name
    if os.sep in name and platform.exists(name):
        return name
    ports = list_ports(show_all=True, source=source)
    # A registry that cannot be read must not stand in the way of a name that is no nickname anyway.
    known = registry.by_nickname(name) if registry is not None and NICKNAME.fullmatch(name) else None
    if known is not None:
        found = _only(name, "nickname", [port for port in ports if port.key == known.key])
        if found is None:
            raise PortError(
                PortErrorKind.MISSING,
                f"{name} ({known.key.replace(':', ' ', 1)}) is not connected",
                missing_hint(name, [port for port in ports if port.kind != "legacy"]),
            )
        return found
    tests: tuple[tuple[str, Callable[[PortInfo], bool]], ...] = (
        ("device", lambda port: name.lower() in (port.device.lower(), os.path.basename(port.device).lower())),
        ("by-id name", lambda port: bool(port.by_id) and name in (port.by_id, os.path.basename(port.by_id))),
        ("USB serial number", lambda port: bool(name) and name == port.serial_number),
        ("location", lambda port: bool(name) and name == port.location),
        ("pattern", lambda port: any(sign in name for sign in "*?[") and fnmatchcase(port.device, name)),
    )
    for what, test in tests:
        found = _only(name, what, [port for port in ports if test(port)])
        if found is not None:
            return found
    raise PortError(
        PortErrorKind.MISSING,
        f"{_text(name)}: no such port",
        missing_hint(name, [port for port in ports if port.kind != "legacy"]),
    )


def _grep(url: str, source: Source) -> str:
    """pyserial takes the first port that fits a `hwgrep://` expression; here it must be the only one."""
    from espmon.user_pattern import PatternError, PatternTooSlow, UserPattern

    expression, _, options = url[len("hwgrep://") :].partition("&")
    if options:
        raise PortError(PortErrorKind.UNSUPPORTED, f"{url}: options after & are not supported", "Name the port itself")
    try:
        pattern = UserPattern(url, expression, case=False)
        rows = [row for row in source() if any(pattern.search(str(row_text or "")) for row_text in _grep_texts(row))]
    except PatternError as error:
        raise PortError(PortErrorKind.UNSUPPORTED, f"{url}: bad expression ({error})") from None
    except PatternTooSlow:
        raise PortError(
            PortErrorKind.UNSUPPORTED, f"{url}: the expression takes too long", "Write it simpler"
        ) from None
    found = _only(url, "expression", [_info(row, {}) for row in rows])
    if found is None:
        raise PortError(PortErrorKind.MISSING, f"{url}: no port fits", missing_hint(url, list_ports(source=source)))
    return found


def _grep_texts(row: Any) -> tuple[Any, ...]:
    return row.device, row.description, row.hwid
