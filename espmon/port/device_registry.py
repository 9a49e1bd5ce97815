"""The devices a user knows: nicknames and what was last seen of each board, in one JSON file.

The file is `{"version": 1, "devices": {KEY: {...}}}`, where KEY is `serial:...` or `location:...`. Plain file work:
callers on an event loop run it on a thread. Several programs may write: each change is made under a lock, on what the
file says at that moment, and put in place by a rename.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from espmon.port import platform
from espmon.port.line_format import LineFormat
from espmon.port.port_error import PortError, PortErrorKind
from espmon.regular_file import read_regular

VERSION = 1
MAX_FILE = 4 << 20
"""Bytes of the file that are read at most."""

MAX_TEXT = 500
"""Most characters of one field."""

Result = TypeVar("Result")

NICKNAME = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Device:
    """One known device. Text fields are "" when unknown."""

    key: str
    """`serial:NUMBER` of its USB serial number, else `location:PATH` of its place on the bus."""

    nickname: str = ""
    """Unique; lower-case letters, digits, `-` and `_`. Works wherever a port is asked for."""

    name: str = ""
    description: str = ""
    chip: str = ""
    """As the last probe said."""

    mac: str = ""
    """As the last probe said."""

    baud: int | None = None
    """The preferred rate, None for the usual one."""

    elf: str = ""
    """Path of the ELF that decodes its addresses."""

    line: str = ""
    """Its data bits, parity, stop bits and flow control as `LineFormat` writes them, "" for the usual ones."""

    dtr: bool | None = None
    """How DTR is left when its port is open; None as it is."""

    rts: bool | None = None
    """The same of RTS."""

    def to_json(self) -> dict[str, Any]:
        """All fields, as a dictionary."""
        return asdict(self)


def device_key(serial_number: str | None, location: str | None) -> str:
    """The key of a device, "" when it has neither serial number nor location (it cannot be told from others)."""
    if serial_number:
        return f"serial:{serial_number}"
    return f"location:{location}" if location else ""


def default_path() -> Path:
    """Where the registry lives on this system."""
    from platformdirs import user_config_path

    return user_config_path("espmon", appauthor=False) / "devices.json"


def _bad(message: str, hint: str = "") -> PortError:
    return PortError(PortErrorKind.OTHER, message, hint)


def _bad_value(message: str, hint: str = "") -> PortError:
    return PortError(PortErrorKind.UNSUPPORTED, message, hint)


class DeviceRegistry:
    """The registry in the file `path` (None: the user's own). Nothing is read before it is asked for.

    After reading, `problem` holds one line about a file that was broken and has been kept aside, else "".
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else default_path()
        self.problem = ""

    def devices(self) -> tuple[Device, ...]:
        """All known devices, by nickname, then key. A broken file is kept aside and counts as empty."""
        return tuple(
            sorted(self._load().values(), key=lambda device: (not device.nickname, device.nickname, device.key))
        )

    def get(self, key: str) -> Device | None:
        """The device with this key."""
        return self._load().get(key)

    def by_nickname(self, nickname: str) -> Device | None:
        """The device with this nickname."""
        return next((device for device in self.devices() if device.nickname and device.nickname == nickname), None)

    def update(self, key: str, **changes: Any) -> Device:
        """Change some fields of a device, adding it when it is new; the others stay as the file has them.

        Raises `PortError`: UNSUPPORTED for a bad nickname or value, AMBIGUOUS for a nickname that another device has,
        OTHER when the file cannot be read or written.
        """
        if not re.fullmatch(r"(serial|location):.+", key, re.DOTALL):
            raise _bad_value(f"{key!r} is no device key", "Keys are serial:NUMBER or location:PLACE")

        def change(devices: dict[str, Device]) -> Device:
            device = _checked(replace(devices.get(key, Device(key)), **changes))
            for other in devices.values():
                if device.nickname and other.nickname == device.nickname and other.key != key:
                    raise PortError(
                        PortErrorKind.AMBIGUOUS,
                        f"the nickname {device.nickname} belongs to {other.key} already",
                        f"Choose another, or `espmon devices remove {device.nickname}` first",
                    )
            devices[key] = device
            return device

        return self._change(change)

    def remove(self, key: str) -> bool:
        """Forget a device; False when it was not known."""
        return self._change(lambda devices: devices.pop(key, None) is not None)

    def _change(self, change: Callable[[dict[str, Device]], Result]) -> Result:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with platform.lock_file(self.path.with_name(self.path.name + ".lock")):
                content = self._read()
                devices = self._parse(content)
                result = change(devices)
                self._write(devices, content)
        except TimeoutError:
            raise _bad(
                f"the device registry {self.path} is locked by another program", "Nothing was changed; try again"
            ) from None
        except OSError as error:
            raise _bad(f"the device registry {self.path} cannot be written ({error.strerror or error})") from None
        return result

    def _load(self) -> dict[str, Device]:
        return self._parse(self._read())

    def _read(self) -> dict[str, Any]:
        try:
            raw = read_regular(self.path, MAX_FILE)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _bad(f"the device registry {self.path} cannot be read ({error.strerror or error})") from None
        try:
            content = json.loads(raw)
            if not isinstance(content, dict) or not isinstance(content.get("devices"), dict):
                raise ValueError("not a device registry")
            version = content.get("version")
            if not isinstance(version, int):
                raise ValueError("it has no version")
        except (ValueError, RecursionError) as error:
            self._keep_aside(raw, str(error))
            return {}
        if version > VERSION:
            raise _bad(
                f"the device registry {self.path} is of version {version}, and this espmon knows {VERSION}",
                "Update espmon; the file was left as it is",
            )
        return content

    def _keep_aside(self, raw: bytes, why: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        try:
            if read_regular(self.path, MAX_FILE) != raw:
                return  # another program has just put a new one in its place
            os.replace(self.path, aside)
        except FileNotFoundError:
            return  # another program has moved it already
        except OSError as error:
            self.problem = (
                f"the device registry {self.path} is broken ({why}) and could not be moved ({error.strerror})"
            )
            return
        self.problem = f"the device registry was broken ({why}); it is kept as {aside}, and a new one begins"

    def _parse(self, content: Mapping[str, Any]) -> dict[str, Device]:
        devices: dict[str, Device] = {}
        known = {field.name for field in fields(Device)} - {"key"}
        for key, row in content.get("devices", {}).items():
            if not isinstance(row, dict):
                self.problem = f"the device registry has no proper entry for {key!r}; it is ignored"
                continue
            try:
                devices[key] = _checked(Device(key, **{name: row[name] for name in known & row.keys()}))
            except PortError as error:
                self.problem = f"the device registry's entry for {key!r} is ignored: {error.message}"
        return devices

    def _write(self, devices: Mapping[str, Device], before: Mapping[str, Any]) -> None:
        # Fields that a later version wrote are kept.
        old = before.get("devices", {})
        rows = {}
        for key, device in sorted(devices.items()):
            row = device.to_json()
            del row["key"]
            extra = old.get(key)
            rows[key] = {**extra, **row} if isinstance(extra, dict) else row
        text = json.dumps({**before, "version": VERSION, "devices": rows}, indent=1)
        # mkstemp makes the file with mode 0600.
        import tempfile  # the registry is read far more often than written

        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name, suffix=".new")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _checked(device: Device) -> Device:
    for name in ("nickname", "name", "description", "chip", "mac", "elf", "line"):
        value = getattr(device, name)
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise _bad_value(f"{name} must be a text of at most {MAX_TEXT} characters")
        if "\0" in value or "\n" in value:
            raise _bad_value(f"{name} must be one line")
    if device.nickname and not NICKNAME.fullmatch(device.nickname):
        raise _bad_value(
            f"{device.nickname!r} is no nickname", "A nickname is up to 64 lower-case letters, digits, - and _"
        )
    if device.line:
        try:
            LineFormat.parse(device.line)
        except ValueError as error:
            raise _bad_value(str(error)) from None
    if not all(level is None or isinstance(level, bool) for level in (device.dtr, device.rts)):
        raise _bad_value("dtr and rts must be true, false or null")
    if device.baud is not None and (
        isinstance(device.baud, bool) or not isinstance(device.baud, int) or not 0 < device.baud <= 20_000_000
    ):
        raise _bad_value("baud must be a whole number between 1 and 20000000")
    return device
