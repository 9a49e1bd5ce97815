"""labgrid's boards: places that a coordinator lends to one user at a time, asked for through `labgrid-client`.

labgrid's own pyserial cannot live beside ours, so its client is a program of an environment of its own, never imported.
Each call of it takes about a third of a second. Everything here blocks: run it on a thread.

Source: labgrid 26.0, `labgrid-client --help`; `env` prints the resources of an acquired place as YAML.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from espmon.port.place_address import PREFIX, place_address
from espmon.port.port_error import PortError, PortErrorKind
from espmon.programs import find_program, result_of
from espmon.text import plain

PROGRAM = "labgrid-client"

CLIENT_SECONDS = 15.0
"""Longest wait for one call of the client."""

MAX_ANSWER = 1 << 20
"""Most bytes of an answer of the client that are read."""

SCHEMES = {"rfc2217": "rfc2217", "raw": "socket"}
"""labgrid's name of a port's protocol -> ours."""

NOT_OURS = ("is not acquired", "is acquired by a different user")
"""What `release` says of a place that was taken from this user, or that a new coordinator knows no user of."""

SERIAL = "NetworkSerialPort"
"""labgrid's class of serial ports; an exporter turns those of USB into it."""

_PLACE = re.compile(r"Place '([^\n]*)':$")
_RESOURCE = re.compile(r"\w+ resource '([^']*)' \(")
_PROXY = re.compile(r"'proxy': '([^']*)'")
_PROXY_REQUIRED = "'proxy_required': True"


@dataclass(frozen=True, slots=True)
class Place:
    """A place as the coordinator lists it."""

    name: str
    holder: str = ""
    """`HOST/USER` that has acquired it, "" while it is free."""

    comment: str = ""
    proxies: tuple[tuple[str, str], ...] = ()
    """(resource, ssh host) of what is reached through that host alone; only of one place that was asked for."""

    @property
    def url(self) -> str:
        """What is opened."""
        return PREFIX + self.name

    @property
    def state(self) -> str:
        """Who holds it, in words."""
        return f"held by {self.holder}" if self.holder else "free"

    def to_json(self) -> dict[str, object]:
        """What `espmon scan --labgrid --json` prints."""
        return {"place": self.name, "url": self.url, "holder": self.holder or None, "comment": self.comment}


@dataclass(frozen=True, slots=True)
class PlacePort:
    """A serial port of an acquired place."""

    name: str
    host: str
    port: int
    protocol: str

    @property
    def url(self) -> str:
        """What is opened."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEMES[self.protocol]}://{host}:{self.port}"


class LabgridClient:
    """Calls of `labgrid-client`. All raise `PortError` with one line that says what is wrong.

    Args:
        coordinator: `HOST:PORT`, "" for the one of `LG_COORDINATOR`.
    """

    def __init__(self, coordinator: str = "") -> None:
        self._coordinator = coordinator

    def places(self) -> list[Place]:
        """All places, and who holds them."""
        return list(_places(self._asked("-v", "places")))

    def place(self, name: str) -> Place:
        """One place."""
        shown = self._asked("-p", name, "show")
        found = next(_places(shown), None)
        if found is None or found.name != name:
            raise PortError(
                PortErrorKind.MISSING, f"labgrid has no place {plain(name)}", "`espmon scan --labgrid` lists them"
            )
        return replace(found, proxies=tuple(_proxies(shown)))

    def acquire(self, name: str) -> None:
        """Take a free place."""
        self._asked("-p", name, "acquire")

    def release(self, name: str) -> None:
        """Give a place back, unless somebody else has it by now, or nobody."""
        code, _, told = self._call("-p", name, "release")
        if code and not any(words in told for words in NOT_OURS):
            raise self._refused(told)

    def ports(self, name: str) -> list[PlacePort] | None:
        """The serial ports of a place; None where this user has not acquired it."""
        code, printed, told = self._call("-p", name, "env")
        if code:
            if "not acquired" in told:
                return None
            raise self._refused(told)
        return list(_ports(printed, name))

    def _asked(self, *words: str) -> str:
        code, printed, told = self._call(*words)
        if code:
            raise self._refused(told)
        return printed

    def _call(self, *words: str) -> tuple[int, str, str]:
        program = find_program(PROGRAM)
        if program is None:
            raise PortError(
                PortErrorKind.MISSING,
                f"{PROGRAM} is not installed, which labgrid places are asked for through",
                "It wants an environment of its own: pipx install labgrid",
            )
        where = ["-x", self._coordinator] if self._coordinator else []
        try:
            code, printed, told = result_of([program, *where, *words], CLIENT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise PortError(PortErrorKind.STALLED, f"{PROGRAM}: {error}", "Does its coordinator answer?") from None
        return code, printed[:MAX_ANSWER].decode("utf-8", "replace"), told[:MAX_ANSWER].decode("utf-8", "replace")

    def _refused(self, told: str) -> PortError:
        lines = [plain(line) for line in told.splitlines() if line.strip()]
        line = lines[-1] if lines else "it said nothing"
        if "ould not connect to coordinator" in line or "coordinator is unavailable" in told:
            where = self._coordinator or "the address in LG_COORDINATOR (127.0.0.1:20408 where that is not set)"
            return PortError(
                PortErrorKind.REFUSED,
                f"No labgrid coordinator answers at {where}",
                "Is labgrid-coordinator running there?",
            )
        kind = PortErrorKind.BUSY if "already acquired" in line else PortErrorKind.OTHER
        return PortError(kind, f"labgrid: {line.removeprefix(PROGRAM + ': Error: ')}")


def _places(text: str) -> Iterator[Place]:
    """What `places -v` and `show` print: a head for each place, and its facts indented below."""
    name, facts = "", dict[str, str]()
    for line in [*text.splitlines(), "Place '':"]:
        if head := _PLACE.match(line):
            if name:
                holder = facts.get("acquired", "None")
                yield Place(name, "" if holder == "None" else holder, facts.get("comment", ""))
            name, facts = plain(head[1]), {}
        elif line.startswith("  ") and line[2:3].strip():
            key, _, value = line.strip().partition(": ")
            facts.setdefault(key, plain(value.strip()))


def _proxies(shown: str) -> Iterator[tuple[str, str]]:
    """(resource, ssh host) of what `show` says is behind one."""
    name = proxy = ""
    for line in shown.splitlines():
        if head := _RESOURCE.match(line):
            name = head[1]
        if found := _PROXY.search(line):
            proxy = found[1]
        if name and _PROXY_REQUIRED in line:
            yield name, proxy


def _ports(printed: str, place: str) -> Iterator[PlacePort]:
    """The serial ports in the YAML of `env`."""
    import yaml

    try:
        found = yaml.safe_load(printed)
        (target,) = found["targets"].values()
        resources: Sequence[Mapping[str, object]] = target["resources"]
        for resource in resources:
            ((kind, values),) = resource.items()
            if kind == SERIAL and isinstance(values, Mapping) and values["protocol"] in SCHEMES:
                host, port = str(values["host"]), int(values["port"])
                yield PlacePort(str(values.get("name", kind)), host, port, values["protocol"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PortError(
            PortErrorKind.OTHER,
            f"{PROGRAM} describes place {plain(place)} in a form that is not known: {plain(str(error))}",
        ) from None


class PlaceHold:
    """A place that is used: acquired where the user agreed to that, and given back at the end if it was.

    Its calls take turns, on whatever threads they run: what is acquired late is given back all the same.

    Args:
        url: names the place.
        agreed: the user wants it acquired where it is free.
    """

    def __init__(self, url: str, *, agreed: bool) -> None:
        self.address = place_address(url)
        self._agreed = agreed
        self._client = LabgridClient(self.address.coordinator)
        self._place = Place("")
        self._acquired = False
        self._turn = threading.Lock()
        self._over = False

    @property
    def found_acquired(self) -> bool:
        """It was this user's before it was used here, and stays so: by the user's wish, or left by who was killed."""
        return not self._acquired and bool(self._place.holder)

    def look(self) -> Place:
        """The place, where it may be used. Raises `PortError` BUSY where somebody else has it."""
        with self._turn:
            return self._look()

    def _look(self) -> Place:
        name = self.address.place
        place = self._place = self._client.place(name)
        if place.holder and self._client.ports(name) is None:
            raise PortError(
                PortErrorKind.BUSY,
                f"Place {name} is held by {place.holder}",
                f"When they are done: labgrid-client -p {name} release; "
                f"to share it, they run: labgrid-client -p {name} allow HOST/USER",
            )
        return place

    def port_url(self) -> str:
        """What to open now, acquiring the place where it is free and that was agreed to. Raises `PortError`."""
        with self._turn:
            if self._over:
                raise PortError(PortErrorKind.LOST, f"Place {self.address.place} is not used any more")
            name = self.address.place
            known = bool(self._place.name)
            ports = self._client.ports(name) if known or self._look().holder else None
            if ports is None:
                if known and self._look().holder:  # it was given to this user meanwhile
                    ports = self._client.ports(name)
                else:
                    self._acquire(name)
                    ports = self._client.ports(name)
            return self._chosen(ports or []).url

    def _acquire(self, name: str) -> None:
        if not self._agreed:
            hint = f"{PROGRAM} -p {name} acquire"
            raise PortError(PortErrorKind.PERMISSION, f"Place {name} is free, and not acquired", hint)
        self._client.acquire(name)
        self._acquired = True

    def _chosen(self, ports: Sequence[PlacePort]) -> PlacePort:
        name, wanted = self.address.place, self.address.port_name
        found = [port for port in ports if wanted in ("", port.name)]
        names = ", ".join(plain(port.name) for port in ports)
        if not ports:
            raise PortError(PortErrorKind.MISSING, f"Place {name} has no serial port", f"labgrid-client -p {name} show")
        if not found:
            raise PortError(PortErrorKind.MISSING, f"Place {name} has no serial port {wanted}", f"It has: {names}")
        if len(found) > 1:
            raise PortError(
                PortErrorKind.AMBIGUOUS,
                f"Place {name} has {len(found)} serial ports: {names}",
                f"Choose one: labgrid:{name}/{plain(found[0].name)}",
            )
        port = found[0]
        if proxy := dict(self._place.proxies).get(port.name):
            raise PortError(
                PortErrorKind.UNSUPPORTED,
                f"The port of place {name} is reached through {plain(proxy)} alone (proxy_required)",
                f"ssh -L 4000:{port.host}:{port.port} {plain(proxy)}, "
                f"then open {SCHEMES[port.protocol]}://127.0.0.1:4000",
            )
        return port

    def release(self) -> None:
        """Give back what was acquired here; nothing where it was not. Raises `PortError` when that fails."""
        with self._turn:
            self._over = True
            acquired, self._acquired = self._acquired, False
            if acquired:
                self._client.release(self.address.place)
