"""Closed sessions are compressed in place; one that is written, or cut short, stays as it was."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from espmon.port.platform import try_lock
from espmon.session.archive.compression import compress_session, compress_sessions
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM, new_session_folder, prune_sessions


def made(root: Path, data: bytes, now: float = 1_700_000_000.0) -> Path:
    folder = new_session_folder(root, "board", now)
    (folder / STREAM).write_bytes(data)
    return folder


def test_all_closed_sessions_but_the_running_one_are_compressed(tmp_path: Path) -> None:
    first, second, running = (made(tmp_path, b"line\n" * 50_000) for _ in range(3))
    assert compress_sessions(tmp_path, running, lambda: False) == [first, second]
    assert gzip.decompress((first / COMPRESSED).read_bytes()) == b"line\n" * 50_000
    assert not (first / STREAM).exists()
    assert (running / STREAM).exists()


def test_a_session_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    folder = made(tmp_path, b"bytes")
    lock = os.open(folder / SIDECAR, os.O_RDWR)
    try:
        assert try_lock(lock)
        assert not compress_session(folder)
    finally:
        os.close(lock)
    assert (folder / STREAM).read_bytes() == b"bytes"


def test_stopping_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    folder = made(tmp_path, b"bytes")
    assert not compress_session(folder, lambda: True)
    assert sorted(path.name for path in folder.iterdir()) == [SIDECAR, STREAM]


def test_sessions_that_ended_long_ago_are_removed(tmp_path: Path) -> None:
    old, new, running = (made(tmp_path, b"x") for _ in range(3))
    os.utime(old / SIDECAR, (1_000_000.0, 1_000_000.0))
    removed = prune_sessions(tmp_path, keep=100, limit=1 << 30, spare=running, days=10.0)
    assert removed == [old]
    assert new.exists()
