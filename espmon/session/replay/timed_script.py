"""A typescript of `script` with the times that `script --log-timing` wrote beside it, in both of its formats.

Source: scriptreplay(1) and script(1) of util-linux. The first line of a typescript is a header that no timing counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from io import BufferedReader
from pathlib import Path

from espmon.regular_file import open_regular
from espmon.session.replay.moment import Moment
from espmon.session.replay.plain_file import PlainFile
from espmon.session.replay.replay_source import PORTION
from espmon.session.replay.unpacked_files import later

HEAD = b"Script started on "
"""How a typescript begins."""

MAX_TIMING_LINE = 4096

SUFFIX = ".timing"
"""`board.timing`, or `board.log.timing`, is found beside `board.log`."""

_STARTED = re.compile(rb"Script started on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d)")
_STEP = re.compile(rb"(?:([A-Z]) )?(\d{1,9}(?:\.\d{1,9})?) (\d{1,15})\s*")


def timing_beside(path: Path) -> Path | None:
    """The file with the times of a typescript, None where there is none beside it."""
    names = (path.with_name(path.name + SUFFIX), path.with_suffix(SUFFIX))
    return next((name for name in names if name != path and name.is_file()), None)


class TimedScript(PlainFile):
    """What `script` wrote, as it came.

    Args:
        path: the typescript.
        timing: the file with its times. Raises OSError where it cannot be read.
    """

    def __init__(self, path: Path, timing: Path) -> None:
        self._timing = BufferedReader(open_regular(timing))
        try:
            super().__init__(path, kind="script, timed")
        except OSError:
            self._timing.close()
            raise
        self.timed = True

    def moments(self) -> Iterator[Moment]:
        """The bytes in the steps of the timing file; what it says nothing of comes at its end."""
        file, m = self._file, 0.0
        file.seek(0)
        head = file.readline(PORTION)
        if (started := _STARTED.match(head)) is not None:
            self.start = datetime.fromisoformat(started[1].decode()).timestamp()
            yield Moment(0.0, wall=self.start)
        yield self._read(m, head)
        while line := self._timing.readline(MAX_TIMING_LINE):
            step = _STEP.fullmatch(line)
            if step is None:
                continue  # a header of the newer format, or a signal
            m = later(m, float(step[2]), relative=True)
            if step[1] in (None, b"O"):
                count = int(step[3])
                while count and (data := file.read(min(count, PORTION))):
                    count -= len(data)
                    yield self._read(m, data)
        while data := file.read(PORTION):
            yield self._read(m, data)

    def _read(self, m: float, data: bytes) -> Moment:
        self.done += len(data)
        return Moment(m, data)

    def close(self) -> None:
        """Let go of the files."""
        self._timing.close()
        super().close()
