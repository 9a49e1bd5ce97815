"""The unit file for a bench starts what there is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from espmon.cli.run import parser

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "espmon" / "cli" / "units" / "espmon-bench.service"


def test_the_unit_file_starts_a_command_line_that_there_is() -> None:
    (start,) = [line for line in UNIT.read_text("utf-8").splitlines() if line.startswith("ExecStart=")]
    words = start.removeprefix("ExecStart=/usr/bin/env espmon run ").replace("$PORTS", "/dev/a /dev/b").split()
    options = parser().parse_args(words)
    assert options.port == ["/dev/a", "/dev/b"]
    assert options.yes
    assert options.no_stdin


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit_file() -> None:
    words = ["systemd-analyze", "verify", "--man=no", str(UNIT)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
