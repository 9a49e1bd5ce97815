"""URLs of labgrid places: `labgrid:PLACE[/NAME]`, `labgrid://[HOST:PORT]/PLACE[/NAME]`."""

from __future__ import annotations

from dataclasses import dataclass

from espmon.port.port_error import PortError, PortErrorKind

PREFIX, SCHEME = "labgrid:", "labgrid://"


@dataclass(frozen=True, slots=True)
class PlaceAddress:
    """What a URL says about a place."""

    place: str
    port_name: str = ""
    """Which of several serial ports, "" where it has one."""

    coordinator: str = ""
    """`HOST:PORT`; "" leaves it to `LG_COORDINATOR`, or labgrid's own default."""

    @property
    def url(self) -> str:
        """The long form: `labgrid://[HOST:PORT]/PLACE[/NAME]`."""
        return "/".join([f"{SCHEME}{self.coordinator}", self.place, *([self.port_name] if self.port_name else [])])


def is_place(url: str) -> bool:
    """Whether a URL names a place."""
    return url.lower().startswith(PREFIX)


def place_address(url: str) -> PlaceAddress:
    """`labgrid:PLACE[/NAME]` or `labgrid://[HOST:PORT]/PLACE[/NAME]`. Raises `PortError` UNSUPPORTED for others."""
    from urllib.parse import unquote, urlsplit

    if url.lower().startswith(SCHEME):
        try:
            parts = urlsplit(url)
            coordinator, words = parts.netloc, parts.path.removeprefix("/").split("/")
            if coordinator and parts.port is None:
                raise ValueError("the coordinator's port is missing")
        except ValueError as error:
            raise _no_place(url, f": {error}") from None
    else:
        coordinator, words = "", url[len(PREFIX) :].split("/")
    names = [unquote(word) for word in words]
    if not 1 <= len(names) <= 2 or not all(names) or any(name.startswith("-") for name in [*names, coordinator]):
        raise _no_place(url, "")
    place, port_name = names if len(names) == 2 else (names[0], "")
    return PlaceAddress(place, port_name, coordinator)


def _no_place(url: str, why: str) -> PortError:
    return PortError(
        PortErrorKind.UNSUPPORTED,
        f"{url} names no labgrid place{why}",
        "As in labgrid:PLACE, labgrid:PLACE/PORTNAME, or labgrid://HOST:20408/PLACE",
    )
