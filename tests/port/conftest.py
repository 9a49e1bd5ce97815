"""Fixtures of the port tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import serial

if TYPE_CHECKING:
    from tests.port.peers import Pty


@pytest.fixture
def pty() -> Iterator[Pty]:
    # Windows has no pseudo-terminals, and reads this file all the same.
    from tests.port.peers import Pty

    pseudo = Pty()
    yield pseudo
    pseudo.close()


@pytest.fixture
def url_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """`own://` and `blind://` are known to pyserial."""
    monkeypatch.setattr(serial, "protocol_handler_packages", [*serial.protocol_handler_packages, "tests.port.handlers"])
