from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from espmon.session.clock import SessionClock
from espmon.session.settings import Settings
from tests.session.sending.fixtures import Case

Make = Callable[..., Awaitable[Case]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Opens a session on a scripted port with these settings."""
    cases: list[Case] = []

    async def build(settings: Settings | None = None, clock: SessionClock | None = None) -> Case:
        cases.append(Case(tmp_path / "sessions", settings, clock))
        await cases[-1].open()
        return cases[-1]

    yield build
    for case in cases:
        await case.session.close()
