"""What a board can repeat without end leaves references behind, not payloads, and keeps no core busy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from espmon.postmortem.panic_report import PanicReport
from espmon.records.record import PayloadRecord
from espmon.records.spans.frame import Frame
from espmon.session import payload_saver
from espmon.session.elves import FoundElf
from espmon.session.reports import MAX_REPORTS
from espmon.session.session import Session
from espmon.session.status import MAX_CRASHES, EventEntry
from tests.torture.storms import crash, digest, payload, run


def crashes(session: Session) -> list[EventEntry]:
    return [entry for entry in session.events if entry.record.type == "panic"]


def payloads(session: Session) -> Sequence[PayloadRecord]:
    return [entry.record for entry in session.events if isinstance(entry.record, Frame)]


def content(record: PayloadRecord) -> bytes:
    assert record.path is not None
    return Path(record.path).read_bytes()


async def test_different_crashes_are_kept_up_to_a_number_and_the_latest_with_their_reports(tmp_path: Path) -> None:
    session = await run(crash, MAX_CRASHES + 300, tmp_path)
    try:
        kept = crashes(session)
        assert MAX_CRASHES // 2 < len(kept) <= MAX_CRASHES
        assert 0 < sum(entry.report is not None for entry in kept) <= MAX_REPORTS
        assert sorted(entry.order for entry in session.events) == [entry.order for entry in session.events]
        newest = 0x400D0000 + 4 * (MAX_CRASHES + 299)
        assert f"0x{newest:08x}" in str(kept[-1].details)
        old = next(entry for entry in kept if entry.report is None)
        await session.decode_again(old.id)
        report = next(entry.report for entry in crashes(session) if entry.id == old.id)
        assert isinstance(report, PanicReport)
    finally:
        await session.close()


async def test_a_payload_that_was_saved_is_not_held_in_memory(tmp_path: Path) -> None:
    session = await run(payload, 100, tmp_path)
    try:
        frames = payloads(session)
        assert len(frames) == 100
        for index, record in enumerate(frames):
            assert (record.payload, record.size) == (b"", 20_004)
            saved = content(record)
            assert saved == index.to_bytes(4, "big") + bytes(20_000)
            assert record.sha256 == hashlib.sha256(saved).hexdigest()
    finally:
        await session.close()


async def test_payloads_that_are_nowhere_else_are_held_up_to_a_number_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_saver, "MAX_UNSAVED_BYTES", 200_000)
    session = await run(payload, 100, tmp_path, recording=False)
    try:
        held = [len(record.payload) for record in payloads(session)]
        assert sum(held) <= 200_000
        assert held[-1] == 20_004
        assert held[0] == 0
    finally:
        await session.close()


async def test_a_board_that_names_another_application_every_time_is_not_looked_up_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    def pick(prefix: str, *rest: object) -> FoundElf | None:
        looked_up.append(prefix)
        return None

    monkeypatch.setattr("espmon.session.elf_choice.pick", pick)
    session = await run(digest, 1000, tmp_path)
    try:
        assert 0 < len(looked_up) < 20
    finally:
        await session.close()
