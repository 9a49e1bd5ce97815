"""Fixtures of the port tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.port.peers import Pty


@pytest.fixture
def pty() -> Iterator[Pty]:
    pseudo = Pty()
    yield pseudo
    pseudo.close()
